//! Replaced soon.
use std::hash::Hash;
/// Rate.
#[derive(Clone, Copy, Debug)]
pub struct Rate { /// b
 pub burst: u32, /// e
 pub every_ms: u64 }
/// L.
pub struct Limiter;
impl Limiter {
    /// n
    pub fn new(_max: usize) -> Limiter { Limiter }
    /// t
    pub fn take<T: Hash>(&self, _key: &T, _rate: Rate, _now_ms: i64) -> Result<(), u64> { Ok(()) }
}
