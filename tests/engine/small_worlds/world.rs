//! A small world: how many servers there are, what each may say, and how often.

use crate::word::Word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    Postgres,
    MariaDb,
    MySql,
    Galera,
    GroupReplication,
}

/// All that may be said in it. Codes are those of [`Word`].
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) product: Product,
    /// What each server says while all is well, before its story begins. Without it the engine
    /// knows nothing when the stories begin.
    pub(crate) start: Option<&'static [&'static str]>,
    /// Who is published when the stories begin; the ones before it in config order have been away.
    pub(crate) writer: usize,
    pub(crate) servers: &'static [Cast],
    /// Plays it only in the large run.
    pub(crate) large: bool,
}

/// What one server may say.
pub(crate) struct Cast {
    pub(crate) alphabet: &'static str,
    /// So many words in a story.
    pub(crate) length: usize,
}

impl World {
    pub(crate) fn start(&self, server: usize) -> Option<Word> {
        self.start.map(|start| Word::parse(start[server]).expect("a code"))
    }

    pub(crate) fn alphabet(&self, server: usize) -> Vec<Word> {
        let codes = self.servers[server].alphabet.split_whitespace();
        codes.map(|code| Word::parse(code).expect("a code")).collect()
    }
}

const POSTGRES_2: Option<&[&str]> = Some(&["P1", "S1<1"]);
const POSTGRES_3: Option<&[&str]> = Some(&["P1", "S1<1", "S1<1"]);
const MYSQL_2: Option<&[&str]> = Some(&["W:A", "R:A<1"]);
const MYSQL_3: Option<&[&str]> = Some(&["W:A", "R:A<1", "R:A<1"]);
const GALERA: Option<&[&str]> = Some(&["ok", "ok", "ok"]);
const GROUP: Option<&[&str]> = Some(&["PRI", "SEC", "SEC"]);

const fn cast(length: usize, alphabet: &'static str) -> Cast {
    Cast { alphabet, length }
}

/// The worlds. What a run covers is printed at its end.
pub(crate) const WORLDS: &[World] = &[
    World {
        name: "postgres-2",
        product: Product::Postgres,
        start: POSTGRES_2,
        writer: 0,
        servers: &[cast(3, "P1 P2 P3 S2<2 S3<2 x"), cast(3, "P1 P2 P3 S1<1 S2<1 S3<1 x")],
        large: false,
    },
    World {
        name: "postgres-2-wide",
        product: Product::Postgres,
        start: POSTGRES_2,
        writer: 0,
        servers: &[
            cast(2, "P1 P2 P3 S1<2 S2<2 S3<2 S1 S2 S3 x o L"),
            cast(2, "P1 P2 P3 S1<1 S2<1 S3<1 S1 S2 S3 x o L"),
        ],
        large: false,
    },
    World {
        name: "postgres-3",
        product: Product::Postgres,
        start: POSTGRES_3,
        writer: 0,
        servers: &[
            cast(2, "P1 P3 S2<2 x o"),
            cast(2, "P1 P2 S1<1 S1 x"),
            cast(1, "P1 P2 S1<1 S1<2 S2<2 S2 x o L"),
        ],
        large: false,
    },
    World {
        name: "postgres-3-double",
        product: Product::Postgres,
        start: POSTGRES_3,
        writer: 0,
        servers: &[cast(2, "P1 S2<2 x"), cast(2, "P2 S1<1 S2<3 x"), cast(2, "P2 S1<1 S2<2 x")],
        large: false,
    },
    World {
        name: "postgres-cold",
        product: Product::Postgres,
        start: None,
        writer: 0,
        servers: &[cast(2, "P1 P2 S2<2 x o"), cast(2, "P1 P2 S1<1 x o"), cast(1, "P2 S1<1 S2<2 o")],
        large: false,
    },
    World {
        name: "mariadb-2",
        product: Product::MariaDb,
        start: MYSQL_2,
        writer: 0,
        servers: &[
            cast(3, "W:A W:Aa W:ABA O:A R:AB<2 x"),
            cast(3, "W:A W:AB O:AB R:A<1 R:ABA<1 x"),
        ],
        large: false,
    },
    World {
        name: "mariadb-2-wide",
        product: Product::MariaDb,
        start: MYSQL_2,
        writer: 0,
        servers: &[
            cast(2, "W:A W:Aa O:A O:Aa R:AB<2 NEW x o L"),
            cast(2, "W:A W:AB W:AaB O:A O:AB R:A<1 R:Aa<1 C:A<1 NEW x o L"),
        ],
        large: false,
    },
    World {
        name: "mysql-2-wide",
        product: Product::MySql,
        start: MYSQL_2,
        writer: 0,
        servers: &[
            cast(2, "W:A W:Aa O:A R:AB<2 NEW x o L"),
            cast(2, "W:A W:AB O:AB R:A<1 R:Aa<1 C:A<1 NEW x o"),
        ],
        large: false,
    },
    World {
        name: "mysql-3",
        product: Product::MySql,
        start: MYSQL_3,
        writer: 0,
        servers: &[
            cast(2, "W:A W:Aa O:A x o"),
            cast(2, "W:A W:AB R:A<1 NEW x"),
            cast(1, "W:A W:AC R:A<1 R:Aa<1 C:Aa<1 R:A<2 R:AB<2 NEW x"),
        ],
        large: false,
    },
    World {
        name: "mysql-3-double",
        product: Product::MySql,
        start: MYSQL_3,
        writer: 0,
        servers: &[cast(2, "W:A O:A x"), cast(2, "W:AB R:A<1 x"), cast(2, "W:AC C:A<1 R:AB<2 x")],
        large: false,
    },
    World {
        name: "mysql-cold",
        product: Product::MySql,
        start: None,
        writer: 0,
        servers: &[
            cast(2, "W:A W:Aa O:A x o"),
            cast(2, "W:A W:AB R:A<1 x"),
            cast(1, "R:A<1 R:AB<2 NEW o"),
        ],
        large: false,
    },
    World {
        name: "galera-3",
        product: Product::Galera,
        start: GALERA,
        writer: 0,
        servers: &[cast(2, "ok out x o L"), cast(2, "ok out donor x"), cast(1, "ok out donor x L")],
        large: false,
    },
    World {
        name: "galera-3-second",
        product: Product::Galera,
        start: GALERA,
        writer: 1,
        servers: &[cast(2, "ok out x"), cast(2, "ok out x o L"), cast(1, "ok out donor x L")],
        large: false,
    },
    World {
        name: "galera-3-donor",
        product: Product::Galera,
        start: GALERA,
        writer: 0,
        servers: &[cast(2, "ok donor x"), cast(2, "ok donor x"), cast(1, "ok donor x")],
        large: false,
    },
    World {
        name: "group-3",
        product: Product::GroupReplication,
        start: GROUP,
        writer: 0,
        servers: &[
            cast(2, "PRI SEC out x o L"),
            cast(2, "PRI SEC out x"),
            cast(1, "PRI SEC out x"),
        ],
        large: false,
    },
    World {
        name: "postgres-2-large",
        product: Product::Postgres,
        start: POSTGRES_2,
        writer: 0,
        servers: &[
            cast(3, "P1 P2 P3 S1<2 S2<2 S3<2 S1 S2 S3 x o L"),
            cast(3, "P1 P2 P3 S1<1 S2<1 S3<1 S1 S2 S3 x o L"),
        ],
        large: true,
    },
    World {
        name: "postgres-3-large",
        product: Product::Postgres,
        start: POSTGRES_3,
        writer: 0,
        servers: &[
            cast(2, "P1 P2 P3 S1 S2<2 S2<3 S3<2 x o L"),
            cast(2, "P1 P2 P3 S1<1 S1 S2<1 S2<3 x o L"),
            cast(2, "P1 P2 S1<1 S1<2 S2<2 S2 x o L"),
        ],
        large: true,
    },
    World {
        name: "mariadb-2-large",
        product: Product::MariaDb,
        start: MYSQL_2,
        writer: 0,
        servers: &[
            cast(3, "W:A W:Aa W:ABA O:A O:Aa R:AB<2 NEW x o L"),
            cast(3, "W:A W:AB W:AaB O:A O:AB R:A<1 R:Aa<1 R:ABA<1 C:A<1 NEW x o L"),
        ],
        large: true,
    },
    World {
        name: "mysql-3-large",
        product: Product::MySql,
        start: MYSQL_3,
        writer: 0,
        servers: &[
            cast(2, "W:A W:Aa O:A O:Aa R:AB<2 NEW x o L"),
            cast(2, "W:A W:AB O:A R:A<1 C:A<1 NEW x o L"),
            cast(2, "W:A W:AC R:A<1 R:Aa<1 C:Aa<1 R:A<2 R:AB<2 NEW x o"),
        ],
        large: true,
    },
    World {
        name: "galera-3-large",
        product: Product::Galera,
        start: GALERA,
        writer: 0,
        servers: &[
            cast(3, "ok out donor x o L"),
            cast(2, "ok out donor x o L"),
            cast(2, "ok out donor x o L"),
        ],
        large: true,
    },
    World {
        name: "group-3-large",
        product: Product::GroupReplication,
        start: GROUP,
        writer: 0,
        servers: &[
            cast(3, "PRI SEC out x o L"),
            cast(2, "PRI SEC out x o L"),
            cast(2, "PRI SEC out x o L"),
        ],
        large: true,
    },
];
