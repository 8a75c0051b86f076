//! The protocol's two checksums over CRC-32's table: [`hash`] makes OIDs of names, [`hash64`] a pack's tag hash.

/// CRC-32 (IEEE, reflected) of each byte.
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

/// CRC-32 of the text's UTF-8 as a signed number: OID of ONAME, OKIND and ONODE of their names.
pub fn hash(text: &str) -> i32 {
    let step = |crc: u32, byte: u8| (crc >> 8) ^ TABLE[usize::from(crc as u8 ^ byte)];
    !text.bytes().fold(u32::MAX, step) as i32
}

/// The library's own 64-bit mix of the CRC-32 table, each entry sign-extended: a pack's tag hash.
pub fn hash64(bytes: &[u8]) -> i64 {
    let step = |crc: u64, byte: &u8| (crc >> 8) ^ (TABLE[usize::from(crc as u8 ^ byte)] as i32 as i64 as u64);
    !bytes.iter().fold(u64::MAX, step) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::golden;

    #[test]
    fn both_hashes_are_the_librarys() {
        let entries = golden::section("c_hash", 9);
        for entry in &entries {
            let text = golden::text(entry, "s");
            assert_eq!(i64::from(hash(text)), entry["hash"].as_i64().unwrap(), "{text}");
            assert_eq!(hash64(text.as_bytes()).to_string(), golden::text(entry, "hash64"), "{text}");
        }
    }
}
