//! Headless Chromium, told what to do over a pipe by its DevTools protocol.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{build_folder, patience};

/// A browser with one page. Dropping it ends it.
pub struct Browser {
    chromium: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    commanded: u64,
    session: Option<String>,
    /// What the page did, in the words of the protocol.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it with an empty page.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        // The protocol is spoken on the descriptors 3 and 4.
        let mut chromium = Command::new("sh")
            .arg("-c")
            .arg("exec chromium \"$@\" 3<&0 4>&1 >/dev/null 2>/dev/null </dev/null")
            .arg("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe", "--no-first-run"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let commands = chromium.stdin.take().expect("it is piped");
        let replies = BufReader::new(chromium.stdout.take().expect("it is piped"));
        let (send, messages) = mpsc::channel();
        thread::spawn(move || {
            for message in replies.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the protocol is JSON");
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let (events, session) = (Vec::new(), None);
        let mut browser =
            Self { chromium, commands, messages, commanded: 0, session, events, _profile: profile };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Shows the page as it is in a window of this size and in this theme.
    ///
    /// # Panics
    /// When the page or the browser does not play along.
    pub fn show(&mut self, url: &str, (width, height): (u32, u32), theme: &str) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let feature = json!({ "name": "prefers-color-scheme", "value": theme });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        let shown = self.call("Page.navigate", json!({ "url": url }));
        assert_eq!(shown["errorText"], Value::Null, "{url}");
        let end = Instant::now() + PATIENCE;
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            self.hear(end);
        }
    }

    /// The value of a JavaScript expression, or of the promise that it is.
    ///
    /// # Panics
    /// When the page or the browser does not play along.
    pub fn value(&mut self, expression: &str) -> Value {
        let what = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", what);
        assert_eq!(result["exceptionDetails"], Value::Null, "{expression:.200}");
        result["result"]["value"].clone()
    }

    /// Waits until a JavaScript expression is true.
    ///
    /// # Panics
    /// When the page or the browser does not play along.
    pub fn until(&mut self, expression: &str) {
        let came = patience::poll(PATIENCE, || (self.value(expression) == true).then_some(()));
        assert!(came.is_some(), "{expression}\n{}", self.value("document.body.innerText"));
    }

    /// Lets no script of the page run, or lets them.
    pub fn forbid_scripts(&mut self, forbid: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": forbid }));
    }

    /// Presses and releases a key, such as `Tab`.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let pressed = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code,
            });
            self.call("Input.dispatchKeyEvent", pressed);
        }
    }

    /// Leaves a picture of the whole page in `target/page/`.
    ///
    /// # Panics
    /// When the page or the browser does not play along.
    pub fn photograph(&mut self, name: &str) {
        self.picture(name, true);
    }

    /// Leaves a picture of what is in the window, for pages that are very long.
    ///
    /// # Panics
    /// When the page or the browser does not play along.
    pub fn photograph_window(&mut self, name: &str) {
        self.picture(name, false);
    }

    fn picture(&mut self, name: &str, whole: bool) {
        let what = json!({ "captureBeyondViewport": whole });
        let picture = self.call("Page.captureScreenshot", what);
        let octets = from_base64(picture["data"].as_str().expect("a picture"));
        assert!(octets.starts_with(b"\x89PNG") && octets.len() > 10_000, "{name}");
        let folder = build_folder().join("page");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{name}.png")), octets).expect("a file");
    }

    /// What the accessibility rules of axe-core find wrong, rule by rule.
    ///
    /// # Panics
    /// When the page or the browser does not play along.
    pub fn axe(&mut self) -> Vec<String> {
        let path = build_folder().join("axe-core").join("package").join("axe.min.js");
        let axe = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; tests/run fetches it", path.display()));
        self.value(&format!("{axe};0"));
        let found = self.value(
            "axe.run(document).then(({ passes, violations }) => [passes.length, \
             ...violations.map(({ id, help, nodes }) => \
             `${id}: ${help}: ${nodes.map((node) => node.html).join(' | ')}`)])",
        );
        let found = found.as_array().expect("a list");
        assert!(found[0].as_u64().expect("a number") > 15, "axe has looked: {found:?}");
        found[1..].iter().map(|rule| rule.as_str().expect("a text").to_owned()).collect()
    }

    /// Errors and warnings of the console, and what a script has thrown.
    pub fn complaints(&self) -> Vec<&Value> {
        let complains = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                matches!(event["params"]["type"].as_str(), Some("error" | "warning" | "assert"))
            }
            Some("Log.entryAdded") => event["params"]["entry"]["level"] != "verbose",
            _ => false,
        };
        self.events.iter().filter(complains).collect()
    }

    /// Everything that the page asked for that is not at `home`.
    ///
    /// # Panics
    /// When the page or the browser does not play along.
    pub fn foreign_requests(&self, home: SocketAddr) -> Vec<&str> {
        let home = format!("http://{home}/");
        let requests =
            self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls = requests.filter_map(|event| event["params"]["request"]["url"].as_str());
        let urls: Vec<_> = urls.collect();
        assert!(urls.iter().any(|url| url.starts_with(&home)), "{urls:?}");
        urls.into_iter().filter(|url| !url.starts_with(&home) && *url != "about:blank").collect()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.commanded += 1;
        let mut command = json!({ "id": self.commanded, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let octets = [command.to_string().as_bytes(), &[0]].concat();
        self.commands.write_all(&octets).expect("Chromium listens; tests/run installs it");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(reply) = self.hear(end) {
                assert_eq!(reply["error"], Value::Null, "{method}");
                return reply["result"].clone();
            }
        }
    }

    /// Takes the next message. Returns it when it is the reply to the last command.
    fn hear(&mut self, end: Instant) -> Option<Value> {
        let rest = end.saturating_duration_since(Instant::now());
        let message = self.messages.recv_timeout(rest).expect("Chromium answers in time");
        if message["id"] == self.commanded {
            return Some(message);
        }
        self.events.push(message);
        None
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        _ = self.commands.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end && matches!(self.chromium.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        _ = self.chromium.kill();
        _ = self.chromium.wait();
    }
}

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn from_base64(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from(bits >> count & 0xff).expect("eight bits"));
        }
    }
    octets
}
