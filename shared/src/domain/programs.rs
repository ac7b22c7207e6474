//! Programs that introduce themselves by one word and that `uap-core` does not know: runtimes and HTTP libraries.
//!
//! The name that is shown comes from this list, never from the text. To add a program: its first word in lower case.

/// The first word of a `User-Agent`, in lower case, and what its owner would call the program.
const PROGRAMS: &[(&str, &str)] = &[
    ("aiohttp", "aiohttp"),
    ("apache-httpclient", "Apache HttpClient"),
    ("axios", "axios"),
    ("bruno-runtime", "Bruno"),
    ("bun", "Bun"),
    ("cpp-httplib", "cpp-httplib"),
    ("cpr", "cpr"),
    ("dart", "Dart"),
    ("deno", "Deno"),
    ("elixir", "Elixir"),
    ("expo", "Expo"),
    ("faraday", "Faraday"),
    ("go-http-client", "Go"),
    ("got", "got"),
    ("guzzlehttp", "Guzzle"),
    ("hackney", "hackney"),
    ("httpie", "HTTPie"),
    ("insomnia", "Insomnia"),
    ("java", "Java"),
    ("java-http-client", "Java"),
    ("jetty", "Jetty"),
    ("k6", "k6"),
    ("ktor", "Ktor"),
    ("ktor-client", "Ktor"),
    ("mint", "Mint"),
    ("node", "Node.js"),
    ("node-fetch", "node-fetch"),
    ("node-superagent", "superagent"),
    ("postmanruntime", "Postman"),
    ("python-httpx", "HTTPX"),
    ("python-urllib3", "urllib3"),
    ("reactornetty", "Reactor Netty"),
    ("req", "Req"),
    ("reqwest", "reqwest"),
    ("restsharp", "RestSharp"),
    ("ruby", "Ruby"),
    ("undici", "undici"),
    ("ureq", "ureq"),
];

/// The program that a text begins with, if the list has it.
pub(super) fn listed(text: &str) -> Option<&'static str> {
    let first = text
        .split(['/', ' ', ';', '(', ','])
        .next()?
        .to_ascii_lowercase();
    PROGRAMS
        .iter()
        .find(|(word, _)| *word == first)
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_in_order_and_in_lower_case() {
        assert!(PROGRAMS.is_sorted());
        assert!(
            PROGRAMS
                .iter()
                .all(|(word, _)| *word == word.to_ascii_lowercase())
        );
    }

    #[test]
    fn only_the_whole_first_word_names_a_program() {
        assert_eq!(listed("node"), Some("Node.js"));
        assert_eq!(listed("Bun/1.2.0"), Some("Bun"));
        assert_eq!(listed("nodemon/3"), None);
        assert_eq!(listed("Bank of node"), None);
        assert_eq!(listed(""), None);
    }
}
