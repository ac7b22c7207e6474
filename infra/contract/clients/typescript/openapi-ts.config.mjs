// The form of imports is said here: nothing but an option decides it.
export default {
  input: "../openapi.json",
  output: { path: "sdk", module: { extension: ".js" } },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
  logs: { file: false },
};
