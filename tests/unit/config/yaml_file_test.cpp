#include "config/yaml_file.h"

#include "loading.h"

using namespace slotless::config;

TEST_CASE("A file sets options by their names") {
  const auto config = withFile(
                          "# comment\n"
                          "workers: 3\n"
                          "password: \"yes\"\n"
                          "username: ''\n"
                          "strict-order: Yes\n"
                          "hold-timeout: 2m\n"
                          "listen:\n"
                          "  - 127.0.0.1:1\n"
                          "  - \"[::1]:2\"\n")
                          .config();
  CHECK(config.workers == 3);
  CHECK(config.password == "yes");
  CHECK(config.strictOrder);
  CHECK(config.holdTimeout == Milliseconds(120000));
  CHECK(config.listen == std::vector<Listener>{{{"127.0.0.1", 1}}, {{"::1", 2}}});
}

TEST_CASE("A list may be one scalar with commas") {
  CHECK(withFile("listen: 127.0.0.1:1, 127.0.0.1:2").config().listen ==
        std::vector<Listener>{{{"127.0.0.1", 1}}, {{"127.0.0.1", 2}}});
}

TEST_CASE("A file may be empty") {
  for (const auto* text : {"", "\n", "# nothing\n", "---\n", "{}"}) {
    INFO(text);
    CHECK(withFile(text).errors().empty());
  }
}

TEST_CASE("Errors in a file name the line") {
  struct Case {
    std::string text;
    std::string error;
  };
  const auto& c = GENERATE(values<Case>({
      {"\n\nworkers: 0\n", "c.yaml:3: workers: found \"0\" (out of range); allowed: auto or 1 to 256"},
      {"workers: 2\nhold_timeout: 1s\n",
       "c.yaml:2: unknown option \"hold_timeout\"; did you mean \"hold-timeout\"?"},
      {"appendonly: no", "c.yaml:1: unknown option \"appendonly\"; --help lists what is known"},
      {"workers: 2\n\nworkers: 2\n",
       "c.yaml:3: workers: found a second time; allowed: once, and line 1 has it"},
      {"\nworkers:\n", "c.yaml:2: workers: found nothing; allowed: auto or 1 to 256"},
      {"\nworkers: ~\n", "c.yaml:2: workers: found nothing; allowed: auto or 1 to 256"},
      {"workers: [1, 2]", "c.yaml:1: workers: found a list; allowed: auto or 1 to 256"},
      {"workers: {a: 1}", "c.yaml:1: workers: found a mapping; allowed: auto or 1 to 256"},
      {"listen: []",
       "c.yaml:1: listen: found an empty list; allowed: host:port, [IPv6]:port, :port for all local "
       "addresses, or unix:/path, separated by commas; each may be followed by "
       "?OPTION=VALUE&..., for its "
       "clients alone"},
      {"listen:\n  - 127.0.0.1:1\n  - 127.0.0.1\n",
       "c.yaml:3: listen: found \"127.0.0.1\" (the port is missing); allowed: host:port, [IPv6]:port, "
       ":port for all local addresses, or unix:/path, separated by commas; each may be followed by "
       "?OPTION=VALUE&..., for its "
       "clients alone"},
      {"listen:\n  - 127.0.0.1:1\n  - [a]\n",
       "c.yaml:3: listen: found a list; allowed: host:port, [IPv6]:port, :port for all local addresses, "
       "or unix:/path, separated by commas; each may be followed by "
       "?OPTION=VALUE&..., for its "
       "clients alone"},
      {"[a]: b", "c.yaml:1: found a list as a key; allowed: the name of an option"},
      {"- workers", "c.yaml:1: found a list; allowed: lines of the form \"option: value\""},
      {"workers", "c.yaml:1: found a text; allowed: lines of the form \"option: value\""},
      {"workers: 2\n---\nworkers: 3\n", "c.yaml:3: found a second YAML document; allowed: one per file"},
      {"workers: 2\n  log-level: info\n", "c.yaml:2: not valid YAML: illegal map value"},
      {"workers: 2\nlisten: [a\n", "c.yaml:3: not valid YAML: end of sequence flow not found"},
      {"config: d.yaml", "c.yaml:1: unknown option \"config\"; --help lists what is known"},
  }));
  INFO(c.text);
  CHECK(withFile(c.text).errors() == std::vector<std::string>{c.error});
}

TEST_CASE("shadow is another way to write shadow-sample") {
  const std::string sides = "upstream: migrating\nserver: b:1\n";
  const auto sampleOf = [&](const std::string& shadow) {
    return withFile(sides + "shadow: " + shadow).config().shadowSample;
  };
  CHECK(sampleOf("{upstream: cluster, sample: 1%}") == 100);
  CHECK(sampleOf("{upstream: cluster, sample: 100%}") == 1);
  CHECK(sampleOf("{sample: 0.5%}") == 200);
  CHECK(sampleOf("{sample: 0.0001%}") == 1'000'000);
  CHECK(sampleOf("{sample: 3%}") == 33);
  CHECK(sampleOf("{sample: 20}") == 20);
  CHECK(sampleOf("{sample: 0}") == 0);
  CHECK(sampleOf("{sample: 0%}") == 0);
  CHECK(sampleOf("\n  upstream: cluster\n  sample: 2%") == 50);
}

TEST_CASE("whatever is wrong with shadow is one error, with its line") {
  struct Case {
    std::string text;
    std::string error;
  };
  const std::string form = "; allowed: {upstream: cluster, sample: 1%}";
  const std::string shares = "; allowed: a share such as 1% (up to 100%), one of how many such as 100, or 0";
  const std::string sides = "upstream: migrating\nserver: b:1\n";
  const std::vector<Case> cases{
      {"shadow: 1%", "c.yaml:3: shadow: found a text" + form},
      {"shadow:", "c.yaml:3: shadow: found nothing" + form},
      {"shadow: [1%]", "c.yaml:3: shadow: found a list" + form},
      {"shadow: {}", "c.yaml:3: shadow: found no sample" + form},
      {"shadow: {upstream: cluster}", "c.yaml:3: shadow: found no sample" + form},
      {"shadow:\n  sample: 1%\n  writes: yes", "c.yaml:5: shadow: found \"writes\" in it" + form},
      {"shadow:\n  sample: 1%\n  sample: 2%",
       "c.yaml:5: shadow: found \"sample\" a second time in it" + form},
      {"shadow: {[a]: 1}", "c.yaml:3: shadow: found a list as a key" + form},
      {"shadow: {upstream: single, sample: 1%}",
       "c.yaml:3: shadow: found another upstream; allowed: cluster, the side that upstream migrating leads to"},
      {"shadow: {upstream: [cluster], sample: 1%}",
       "c.yaml:3: shadow: found another upstream; allowed: cluster, the side that upstream migrating leads to"},
      {"shadow: {sample: [1%]}", "c.yaml:3: shadow: found a list as a sample" + shares},
      {"shadow: {sample: 1%}\nshadow-sample: 5",
       "c.yaml:4: shadow-sample: found a second time; allowed: once, and line 3 has it"},
      {"shadow-sample: 5\nshadow: {sample: 1%}",
       "c.yaml:4: shadow: found a second time; allowed: once, and line 3 has it, or shadow-sample"},
      {"shadow: {sample: 1%}\nshadow: {sample: 1%}",
       "c.yaml:4: shadow: found a second time; allowed: once, and line 3 has it, or shadow-sample"},
  };
  for (const Case& each : cases) {
    INFO(each.text);
    CHECK(withFile(sides + each.text).errors() == std::vector<std::string>{each.error});
  }
  for (const std::string sample :
       {"101%", "-1%", "%", "inf%", "nan%", "1e1%", "0.00001%", "1 %", "x", "1000001", "-1"}) {
    INFO(sample);
    CHECK(withFile(sides + "shadow: {sample: \"" + sample + "\"}").errors() ==
          std::vector<std::string>{"c.yaml:3: shadow: found the sample \"" + sample + "\"" + shares});
  }
  // Only the two sides of a migration can be compared, however it is written.
  CHECK(withFile("shadow: {sample: 1%}").errors().size() == 1);
}

TEST_CASE("Nothing of a secret in a file is shown, however the line is broken") {
  for (const auto* text :
       {"pasword: hunter2", "password:hunter2", "{password:hunter2}", "password:hunter2: x",
        "password: [hunter2]", "password: {hunter2: 1}", "password: \"hunter2", "password: \"\\hunter2\"",
        "password: *hunter2", "password: &hunter2", "password: %hunter2", "password: a: hunter2",
        "password: a\npassword: hunter2", "password: |\n  a\n  hunter2", "- hunter2",
        "cluster-nodes: redis://:hunter2@a:x"}) {
    INFO(text);
    const auto errors = withFile(text).errors();
    REQUIRE_FALSE(errors.empty());
    for (const auto& error : errors) CHECK(error.find("unter2") == std::string::npos);
  }
}

TEST_CASE("A file that is nested without end is refused") {
  const auto read = readYaml("c.yaml", std::string(100000, '['));
  CHECK_FALSE(read.isReadable);
  CHECK(read.settings.errors.size() == 1);
}
