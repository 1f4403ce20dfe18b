//! The vectors of RFC 9018 appendix A, and the edges of time and length.

use std::net::IpAddr;

use super::*;

const SECRET: [u8; 16] = 0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf_u128.to_be_bytes();

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    let pairs = hexadecimal.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The cookie that the client of most tests gets at `made`.
fn made_at(cookies: &Cookies, made: u32) -> [u8; 16] {
    cookies.server_cookie([7; 8], address("192.0.2.1"), made)
}

fn verdict(cookies: &Cookies, cookie: &[u8], now: u32) -> CookieVerdict {
    cookies.check([7; 8], cookie, address("192.0.2.1"), now)
}

/// Appendix A.1.
#[test]
fn a_new_cookie_is_learned() {
    let reply = Cookies::new(&[SECRET])
        .reply_to(&octets("2464c4abcf10c957"), address("198.51.100.100"), 1_559_731_985)
        .unwrap();
    assert_eq!(reply.option.as_slice(), octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
    assert_eq!(reply.verdict, None);
    assert!(!reply.is_valid());
}

/// Appendix A.2.
#[test]
fn an_old_cookie_is_renewed() {
    let sent = octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    let reply =
        Cookies::new(&[SECRET]).reply_to(&sent, address("198.51.100.100"), 1_559_734_385).unwrap();
    assert_eq!(reply.option.as_slice(), octets("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));
    assert_eq!(reply.verdict, Some(CookieVerdict::Renew));
    assert!(reply.is_valid());
}

/// Appendix A.3: the reserved octets count in the hash whatever they are.
#[test]
fn reserved_octets_may_have_any_value() {
    let cookies = Cookies::new(&[SECRET]);
    let client = address("203.0.113.203");
    let sent = octets("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    let reply = cookies.reply_to(&sent, client, 0x5cf7_8f71 + 60).unwrap();
    assert_eq!(reply.verdict, Some(CookieVerdict::Valid));
    let reply = cookies.reply_to(&sent, client, 1_559_734_700).unwrap();
    assert_eq!(reply.option.as_slice(), octets("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"));
}

/// Appendix A.4: IPv6, and a secret that is being replaced.
#[test]
fn an_earlier_secret_still_checks() {
    let earlier = 0xdd3b_df93_44b6_78b1_85a6_f5cb_60fc_a715_u128.to_be_bytes();
    let later = 0x4455_36bc_d251_3298_075a_5d37_9663_c962_u128.to_be_bytes();
    let client = address("2001:db8:220:1:59de:d0f4:8769:82b8");
    let sent = octets("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
    let reply = Cookies::new(&[later, earlier]).reply_to(&sent, client, 0x5cf7_c609).unwrap();
    assert_eq!(reply.verdict, Some(CookieVerdict::Valid));
    let fresh = Cookies::new(&[later]).reply_to(&sent, client, 0x5cf7_c609).unwrap();
    assert_eq!(fresh.verdict, Some(CookieVerdict::Invalid));
    assert_eq!(fresh.option.as_slice(), octets("22681ab97d52c298010000005cf7c609a6bb79d16625507a"));
}

#[test]
fn a_cookie_lives_an_hour_and_is_renewed_after_half_of_it() {
    let cookies = Cookies::new(&[SECRET]);
    for made in [1_700_000_000, 5, u32::MAX - 10] {
        let cookie = made_at(&cookies, made);
        for (age, expected) in [
            (-301, CookieVerdict::Invalid),
            (-300, CookieVerdict::Valid),
            (0, CookieVerdict::Valid),
            (1800, CookieVerdict::Valid),
            (1801, CookieVerdict::Renew),
            (3600, CookieVerdict::Renew),
            (3601, CookieVerdict::Invalid),
            (i32::MIN, CookieVerdict::Invalid),
        ] {
            let now = made.wrapping_add_signed(age);
            assert_eq!(verdict(&cookies, &cookie, now), expected, "{made} after {age} s");
        }
    }
}

#[test]
fn only_the_client_itself_may_use_its_cookie() {
    let cookies = Cookies::new(&[SECRET]);
    let cookie = made_at(&cookies, 1000);
    assert_eq!(
        cookies.check([7; 8], &cookie, address("::ffff:192.0.2.1"), 1000),
        CookieVerdict::Valid
    );
    for (client_cookie, client) in [([8; 8], "192.0.2.1"), ([7; 8], "192.0.2.2"), ([7; 8], "::1")] {
        assert_eq!(
            cookies.check(client_cookie, &cookie, address(client), 1000),
            CookieVerdict::Invalid
        );
    }
}

#[test]
fn every_bit_counts() {
    let cookies = Cookies::new(&[SECRET]);
    let cookie = made_at(&cookies, 1000);
    for bit in 0..128 {
        let mut forged = cookie;
        forged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verdict(&cookies, &forged, 1000), CookieVerdict::Invalid, "bit {bit}");
    }
}

#[test]
fn lengths_are_those_of_the_rfc() {
    let cookies = Cookies::new(&[SECRET]);
    for length in 0..=64 {
        let reply = cookies.reply_to(&vec![1; length], address("192.0.2.1"), 1000);
        let legal = length == 8 || (16..=40).contains(&length);
        assert_eq!(reply.is_ok(), legal, "{length} octets");
        if let Ok(reply) = reply {
            assert!(!reply.is_valid());
            assert_eq!(reply.option[..8], [1; 8]);
        }
    }
}

#[test]
fn without_a_secret_one_is_drawn() {
    let (one, other) = (Cookies::new(&[]), Cookies::new(&[]));
    let cookie = made_at(&one, 1000);
    assert_eq!(verdict(&one, &cookie, 1000), CookieVerdict::Valid);
    assert_eq!(verdict(&other, &cookie, 1000), CookieVerdict::Invalid);
    assert_eq!(format!("{one:?}"), "Cookies { .. }");
}
