//! Functions that are evaluated anew for each row.

/// Functions that give another value each time (`pg_proc.provolatile`): what calls one is no constant,
/// and a condition is true of other rows when it is evaluated again. Sorted.
#[rustfmt::skip]
const VOLATILE: &[&str] = &[
    "array_sample", "array_shuffle", "clock_timestamp", "gen_random_uuid", "random", "random_normal", "setseed",
    "timeofday", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4", "uuidv7",
];

pub(crate) fn is_volatile(name: &str) -> bool {
    VOLATILE.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(VOLATILE.is_sorted());
    }
}
