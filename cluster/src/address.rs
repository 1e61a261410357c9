//! Which shard owns which address.
//!
//! Before it: doors and effects, which have an address. After it: a shard's log, or a channel to it.
//! Guarantees: every version and node agrees, because the hashed bytes are fixed here; instances of one
//! key, or of keys with one group, are in one shard, whatever their workers.
//! Leaves to others: where a shard lives (the shard map).

use transport::{Address, ShardId};

use crate::hash;

/// The key of the one instance of a worker without `key`.
pub(crate) const DEFAULT_KEY: &str = "default";

/// The shard of an instance, or the home shard of a bare name, where its one instance without a key of its
/// own is as well. A key's shard is that of its group where it begins with one (`{customer-7}/order-3`), else
/// of all of it; names do not matter, so that what belongs together is together.
#[must_use]
pub fn shard_of(address: &Address, shard_count: u32) -> ShardId {
    assert!(shard_count > 0, "a cluster has at least one shard");
    let namespace = address.namespace();
    let hash = match address.key() {
        None | Some(DEFAULT_KEY) => hash::name(namespace, address.name()),
        Some(key) => hash::key(namespace, group_of(key)),
    };
    ShardId((hash % u64::from(shard_count)) as u32)
}

/// What of a key says where it lives.
fn group_of(key: &str) -> &str {
    let braced = key.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    match braced {
        Some((group, _)) if !group.is_empty() => group,
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transport::Namespace;

    const SHARDS: u32 = 1 << 20;

    fn at(text: &str) -> ShardId {
        shard_of(&Address::parse(Namespace::default(), text).unwrap(), SHARDS)
    }

    #[test]
    fn instances_of_one_key_are_in_one_shard() {
        assert_eq!(at("Cart/customer-7"), at("Account/customer-7"));
        assert_ne!(at("Cart/customer-7"), at("Cart/customer-8"));
        let elsewhere = Namespace::new("elsewhere").unwrap();
        let elsewhere = Address::parse(elsewhere, "Cart/customer-7").unwrap();
        assert_ne!(at("Cart/customer-7"), shard_of(&elsewhere, SHARDS));
    }

    #[test]
    fn a_key_with_a_group_is_where_the_group_is() {
        assert_eq!(at("Order/{customer-7}/3"), at("Account/customer-7"));
        assert_eq!(at("Order/{customer-7}/3"), at("Order/{customer-7}/4"));
        // Only in front, and only with something in it.
        assert_ne!(at("Order/3{customer-7}"), at("Account/customer-7"));
        assert_ne!(at("Order/{}3"), at("Order/{}4"));
        assert_ne!(at("Order/{3"), at("Order/{4"));
    }

    #[test]
    fn one_of_its_kind_is_at_home() {
        assert_eq!(at("Report/default"), at("Report"));
        assert_ne!(at("Report/default"), at("Monitor/default"));
        assert_ne!(at("Report"), at("Monitor/Report"));
    }
}
