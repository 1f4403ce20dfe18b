//! What people see: in both themes, on a desk and on a phone, with a script and without, by key
//! and by screen reader.

use nix::sys::signal::Signal;
use pointsman_testbed::browser::Browser;

use crate::scene::Scene;

const DESK: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

#[test]
fn the_page_is_readable_for_everybody_in_every_theme() {
    // A hook that fails, and a cluster that replicates, or would.
    let more = "[[hook]]\nname = \"pager\"\nevents = [\"server_state\"]\n\
                command = [\"/bin/false\"]\n\
                [[cluster]]\nname = \"ledger\"\nengine = \"postgres\"\n\
                write = { name = \"ledger-write.internal.\" }\n\
                probe = { user = \"pointsman\", tls = \"disable\" }\n\
                discovery = { sources = [\"file\"], networks = [\"127.63.3.0/24\"], \
                interval = \"1s\", file = { path = \"ledger.json\" } }\n\
                [[cluster.server]]\nname = \"ledger1\"\naddress = \"127.63.2.201\"\n\
                [[cluster.server]]\nname = \"ledger2\"\naddress = \"127.63.2.202\"\n";
    let mut scene = Scene::start_with("127.63.2", more);
    // One replica and one whole cluster die.
    (scene.servers[4], scene.servers[5]) = (None, None);
    scene.until("two servers are down", || {
        let text = scene.get("/", "").body;
        text.matches("Connection refused").count() >= 4
            && text.contains("\nwarning: the hook pager fails since ")
    });
    // What discovery finds is outside of its networks, and has a long name.
    let long = "x".repeat(63);
    scene.write(
        "ledger.json",
        &format!(r#"[{{"targets": ["127.63.2.203"], "labels": {{"name": "{long}"}}}}]"#),
    );
    scene.until("it is found", || scene.get("/", "").body.contains("in none of `networks`"));
    let mut browser = Browser::start();
    let url = format!("http://{}/", scene.http);
    for (size, place) in [(DESK, "desk"), (PHONE, "phone")] {
        for theme in ["light", "dark"] {
            browser.show(&url, size, theme);
            let faults = browser.axe();
            assert!(faults.is_empty(), "{place} {theme}:\n{}", faults.join("\n"));
            let banner = browser.value("document.querySelector('.notice').innerText").to_string();
            assert!(banner.contains("▲ Warnings") && banner.contains("pager"), "{banner}");
            let found = browser.value("document.querySelector('.discovery').innerText").to_string();
            assert!(found.contains("sighted") && found.contains(&long), "{found}");
            let drawn = "[document.querySelectorAll('.graph .node').length, \
                         document.querySelectorAll('.strip').length]";
            assert_eq!(browser.value(drawn), serde_json::json!([2, 4]), "{place} {theme}");
            browser.photograph(&format!("{place}-{theme}"));
            let widths = "[document.documentElement.scrollWidth, innerWidth]";
            let widths = browser.value(widths);
            assert!(widths[0].as_u64() <= widths[1].as_u64(), "{place}: {widths}");
        }
    }
    let grounds = ["light", "dark"].map(|theme| {
        browser.show(&url, DESK, theme);
        browser.value("getComputedStyle(document.documentElement).backgroundColor")
    });
    assert_ne!(grounds[0], grounds[1]);
    assert_eq!(browser.complaints(), [&serde_json::Value::Null; 0]);
    assert_eq!(browser.foreign_requests(scene.http), [""; 0]);
}

#[test]
fn the_page_follows_what_happens_and_is_whole_without_a_script() {
    let mut scene = Scene::start("127.55.3");
    let mut browser = Browser::start();
    let url = format!("http://{}/", scene.http);
    browser.forbid_scripts(true);
    browser.show(&url, DESK, "light");
    let text = browser.value("document.body.innerText").to_string();
    for told in [
        "All 3 clusters are ok",
        "orders-write.internal.",
        "→ orders1",
        "billing-read",
        "Up for",
        "answered",
        "SOA serial",
        "Last changes",
        "Writer over the last 24 h",
        " since ",
        "Reload the page to see what is new.",
    ] {
        assert!(text.contains(told), "{told:?} is not in {text}");
    }
    browser.forbid_scripts(false);
    browser.show(&url, DESK, "light");
    browser.value("document.querySelector('#cluster-orders a').focus(); window.kept = 1");
    browser.value("document.querySelector('#of-orders details').open = true");
    scene.servers[5] = None;
    browser.until("document.getElementById('summary').textContent.includes('1 of 3 clusters has')");
    browser.until("document.getElementById('live').textContent === 'This page is live.'");
    browser.until("document.body.innerText.includes('search1')");
    browser.until("document.querySelector('article h3 a').textContent === 'search'");
    // It is the same page, and what had the focus has it.
    assert_eq!(browser.value("window.kept"), 1);
    let commands = browser.value("document.querySelector('#of-orders details').innerText");
    let commands = commands.as_str().unwrap_or_default().to_owned();
    assert!(commands.contains("pointsman explain orders-write.internal"), "open: {commands}");
    assert_eq!(browser.value("document.activeElement.textContent"), "orders");
    assert_eq!(browser.complaints(), [&serde_json::Value::Null; 0]);
}

#[test]
fn a_page_that_has_lost_its_pointsman_says_so_where_eyes_are() {
    let scene = Scene::start("127.55.9");
    let mut browser = Browser::start();
    browser.show(&format!("http://{}/", scene.http), DESK, "light");
    browser.until("document.getElementById('live').textContent === 'This page is live.'");
    scene.signal(Signal::SIGSTOP);
    browser.until("document.title.startsWith('No news from Pointsman for ')");
    let summary = "document.getElementById('summary')";
    let said = browser.value(&format!("[{summary}.className, {summary}.textContent]"));
    assert_eq!(said[0], "summary lost", "grey, and no sign of what was before");
    assert!(said[1].as_str().is_some_and(|text| text.starts_with("No news")), "{said}");
    scene.signal(Signal::SIGCONT);
    browser.until("document.title === 'All 3 clusters are ok · Pointsman'");
    browser.until(&format!("{summary}.className === 'summary well'"));
}

#[test]
fn what_goes_away_is_never_marked_as_well() {
    let mut scene = Scene::start("127.63.3");
    let mut browser = Browser::start();
    (scene.servers[1], scene.servers[5]) = (None, None);
    scene.until("two servers are down", || scene.get("/", "").body.matches("✖ 2").count() >= 3);
    browser.show(&format!("http://{}/", scene.http), DESK, "light");
    // Each change with its mark, as people and as screen readers have it.
    let changes = "[...document.querySelectorAll('.events li')].map((one) => [one.className, \
                   one.querySelector('.sign').textContent, \
                   one.querySelector('.hidden').textContent, one.textContent])";
    let changes = browser.value(changes);
    let changes: Vec<[String; 4]> = serde_json::from_value(changes).expect("four texts each");
    let of = |part: &str| {
        let found: Vec<_> = changes.iter().filter(|change| change[3].contains(part)).collect();
        assert!(!found.is_empty(), "{part} is not in {changes:?}");
        found
    };
    for [class, sign, words, text] in of("→ Down") {
        assert!(class.starts_with("harm") && sign == "✖", "{class} {sign} {text}");
        assert_eq!(words, "outage: ");
    }
    for [class, sign, ..] in of("billing2 Up → Down").into_iter().chain(of("held: ")) {
        assert!(!class.contains("well") && sign != "●", "{class} {sign}");
    }
    for [class, sign, words, _] in of("→ Up") {
        assert!(class.starts_with("well") && sign == "●" && words == "ok: ", "{class} {sign}");
    }
    let colours = browser.value(
        "[...document.querySelectorAll('.events li')].filter((one) => \
         one.textContent.includes('→ Down') && getComputedStyle(one.querySelector('.sign')).color \
         === getComputedStyle(document.querySelector('.events .well .sign')).color).length",
    );
    assert_eq!(colours, 0, "no server that is down is green");
}

#[test]
fn the_page_has_landmarks_and_is_walked_by_key() {
    let scene = Scene::start("127.55.4");
    let mut browser = Browser::start();
    browser.show(&format!("http://{}/", scene.http), DESK, "light");
    for (what, expression) in [
        ("landmarks", "['header', 'main', 'footer'].every((one) => document.querySelector(one))"),
        ("one first heading", "document.querySelectorAll('h1').length === 1"),
        ("heads of columns", "document.querySelectorAll('th[scope=col]').length >= 18"),
        ("heads of rows", "document.querySelectorAll('th[scope=row]').length === 6"),
        ("names of tables", "[...document.querySelectorAll('table')].every((one) => one.caption)"),
        ("news is read", "document.querySelector('#summary[aria-live=polite]') !== null"),
        (
            "words beside colours",
            "[...document.querySelectorAll('.sign')].every((one) => \
          one.getAttribute('aria-hidden') === 'true' && one.parentElement.textContent.length > 3)",
        ),
    ] {
        assert_eq!(browser.value(expression), true, "{what}");
    }
    browser.press("Tab", 9);
    assert_eq!(browser.value("document.activeElement.className"), "skip");
    let place = "document.activeElement.getBoundingClientRect().left";
    assert_eq!(browser.value(place), 0, "what has the focus can be seen");
    browser.press("Tab", 9);
    browser.press("Tab", 9);
    assert_eq!(browser.value("document.activeElement.textContent"), "billing");
    let ring = browser.value("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(ring, "solid");
}

#[test]
fn browsers_are_told_what_they_may_do() {
    let scene = Scene::start("127.55.5");
    for path in ["/", "/page/style.css", "/page/live.js", "/page/icon.svg"] {
        let answer = scene.get(path, "text/html");
        for line in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(answer.head.contains(line), "{path}: {line} is not in {}", answer.head);
        }
    }
    let text = scene.get("/", "*/*");
    assert!(text.head.contains("content-type: text/plain"), "{}", text.head);
    assert!(text.body.starts_with("All 3 clusters are ok\n"), "{}", text.body);
    let one = scene.get("/?cluster=ORDERS", "*/*").body;
    assert!(one.contains("orders (tcp,") && !one.contains("billing (tcp,"), "{one}");
}
