//! The migrations, oldest first. `ops migrate create NAME` adds one.

#[cfg(test)]
mod template;

use crate::Migration;

/// Every migration, oldest first.
pub const ALL: &[Migration] = &[];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_registered_under_its_own_name_and_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/steps");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = files.filter(|file| file.starts_with("m2")).collect();
        files.sort();
        let registered: Vec<_> = ALL
            .iter()
            .map(|migration| format!("m{}.rs", migration.id))
            .collect();
        assert_eq!(registered, files);
    }

    #[test]
    fn what_a_new_one_begins_with_changes_nothing_that_is_new_already() {
        let item = serde_json::json!({ "pk": { "S": "USER#1" }, "schema_version": { "N": "2" } });
        let image = shared::store::Image::from_json(item.as_object().unwrap()).unwrap();
        assert!(image.examine(template::MIGRATION.up).is_none());
        assert!(image.examine(template::MIGRATION.down).is_some());
    }
}
