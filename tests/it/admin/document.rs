//! The commands of `docs/ADMIN.md` do what it says.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::admin::{RARE, Scene, Served};

const DOCUMENT: &str = include_str!("../../../docs/ADMIN.md");

/// The lines of all blocks of this language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let fence = format!("```{language}\n");
    let blocks: Vec<_> = DOCUMENT.split(fence.as_str()).skip(1).collect();
    blocks.into_iter().flat_map(|rest| rest.split("```").next().unwrap_or_default().lines())
}

/// Runs a line of the document by the shell, here and not where it says; what it printed.
fn output(line: &str, scene: &Scene, served: &Served) -> String {
    let http = served.http.to_string();
    let line = line
        .replace("/run/pointsman/admin.sock", &served.socket.display().to_string())
        .replace("127.0.0.1:8053", &http)
        .replace("192.0.2.53:8053", &http)
        .replace("/usr/bin/pointsman", "pointsman")
        .replace("{failureClusterAlias}", "orders");
    let programs = Path::new(env!("CARGO_BIN_EXE_pointsman")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a search path");
    let output = Command::new("sh")
        .args(["-c", &line])
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("POINTSMAN_CONFIG", scene.settings.file())
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn each_command_of_the_document_works() {
    let scene = Scene::new("127.33.16", RARE);
    let served = scene.serve(&[]);
    let commands: Vec<_> = blocks("sh").collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let expected = match command {
            page if page.contains(":8053/ ") || page.contains("/?") || page.ends_with("host/") => {
                assert!(output(page, &scene, &served).contains("orders.internal."), "{page}");
                continue;
            }
            probe if probe.ends_with("/healthz") => "ok\n",
            probe if probe.ends_with("/readyz") => "ready\n",
            "pointsman hint orders" => "orders: every server is asked at once\n",
            _ => "{\"cluster\":\"orders\"}\n",
        };
        assert_eq!(output(command, &scene, &served), expected, "{command}");
    }
}

#[test]
fn each_hook_of_the_document_gives_its_hint() {
    let scene = Scene::new("127.33.17", RARE);
    let served = scene.serve(&[]);
    let callbacks = blocks("yaml").filter_map(|line| line.trim().strip_prefix("on_"));
    // Patroni says what happens after the command of the configuration.
    let patroni = callbacks.map(|line| {
        let (event, command) = line.split_once(": ").expect("a command");
        format!("{command} on_{event} primary batman")
    });
    let settings = blocks("ini").filter_map(|line| line.split_once('='));
    let others = settings
        .filter(|(key, _)| ["event_notification_command", "script"].contains(key))
        .map(|(_, command)| command.trim_matches('\'').to_owned());
    let json: String = blocks("json").collect();
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let processes = json.as_object().expect("an object").values().flat_map(|list| {
        list.as_array().expect("a list").iter().map(|command| command.as_str().expect("a text"))
    });
    let hooks: Vec<_> = patroni.chain(others).chain(processes.map(ToOwned::to_owned)).collect();
    assert_eq!(hooks.len(), 3 + 2 + 2, "{hooks:?}");
    for hook in hooks {
        let said = output(&hook, &scene, &served);
        let is_taken =
            said.contains("{\"cluster\":\"orders\"}") || said.starts_with("orders: every");
        assert!(is_taken, "{hook}: {said}");
    }
}
