#include "config/load.h"

#include "loading.h"

using namespace slotless::config;

using Texts = std::vector<std::string>;

TEST_CASE("Command line beats SLOTLESS_ beats REDIS_ beats file beats default") {
  Loading loading = withFile("password: file\n");
  loading.environment["REDIS_PASSWORD"] = "redis";
  loading.environment["SLOTLESS_PASSWORD"] = "slotless";
  loading.arguments.push_back("--password=line");
  CHECK(loading.config().password == "line");
  loading.arguments.pop_back();
  CHECK(loading.config().password == "slotless");
  loading.environment.erase("SLOTLESS_PASSWORD");
  CHECK(loading.config().password == "redis");
  loading.environment.erase("REDIS_PASSWORD");
  CHECK(loading.config().password == "file");
  loading.files["c.yaml"].clear();
  CHECK(loading.config().password.empty());
}

TEST_CASE("A stronger source replaces a list as a whole") {
  Loading loading = withFile("listen: ['127.0.0.1:1', '127.0.0.1:2']\n");
  CHECK(loading.config().listen.size() == 2);
  loading.environment["SLOTLESS_LISTEN"] = "127.0.0.1:3";
  CHECK(loading.config().listen == std::vector<Listener>{{{"127.0.0.1", 3}}});
  loading.arguments.insert(loading.arguments.end(),
                           {"--listen=127.0.0.1:4", "--listen", "127.0.0.1:5,127.0.0.1:6"});
  CHECK(loading.config().listen ==
        std::vector<Listener>{{{"127.0.0.1", 4}}, {{"127.0.0.1", 5}}, {{"127.0.0.1", 6}}});
}

TEST_CASE("The file is named by --config or else by SLOTLESS_CONFIG") {
  Loading loading = withArguments({});
  loading.files = {{"a.yaml", "workers: 3"}, {"b.yaml", "workers: 5"}};
  loading.environment["SLOTLESS_CONFIG"] = "a.yaml";
  CHECK(loading.config().workers == 3);
  loading.arguments.insert(loading.arguments.end(), {"--config", "b.yaml"});
  CHECK(loading.config().workers == 5);
}

TEST_CASE("A file that cannot be read is an error that names it") {
  CHECK(Loading{{"--config", "x.yaml"}, {}, {}}.errors() ==
        Texts{"command-line argument 1 (--config): config: found \"x.yaml\" (No such file or directory); "
              "allowed: the "
              "path of a YAML file that can be read"});
  CHECK(contains(Loading{{}, {{"SLOTLESS_CONFIG", "x.yaml"}}, {}}.errors().at(0),
                 "environment variable SLOTLESS_CONFIG: config: found \"x.yaml\""));
}

TEST_CASE("All errors of all sources are reported together, also of values that are overridden") {
  Loading loading = withFile("workers: 0\nlog-levl: info\n");
  loading.environment["SLOTLESS_WORKERS"] = "x";
  loading.arguments.insert(loading.arguments.end(),
                           {"--workers=999", "stray", "--tcp-backlog=0", "--listen=:1"});
  const auto errors = loading.errors();
  Texts sources;
  for (const auto& error : errors) sources.push_back(error.substr(0, error.find(": ")));
  CHECK(sources == Texts{"c.yaml:2", "c.yaml:1", "environment variable SLOTLESS_WORKERS",
                         "command-line argument 3", "command-line argument 2 (--workers)",
                         "command-line argument 4 (--tcp-backlog)", "command-line argument 5 (--listen)"});
}

TEST_CASE("By default there are as many workers as CPUs, but at least two") {
  struct Case {
    std::uint64_t cpus;
    std::uint64_t workers;
  };
  const auto& c = GENERATE(values<Case>({{1, 2}, {2, 2}, {48, 48}, {1000, 256}}));
  Loading loading = withArguments({});
  loading.cpuCount = c.cpus;
  CHECK(loading.config().workers == c.workers);
  loading.arguments.emplace_back("--workers=auto");
  CHECK(loading.config().workers == c.workers);
  loading.arguments.back() = "--workers=1";
  CHECK(loading.config().workers == 1);
}

TEST_CASE("The password may come from a file") {
  Loading loading = withArguments({"--password-file", "secret"});
  for (const auto* content : {"hunter2", "hunter2\n", "hunter2\r\n"}) {
    loading.files["secret"] = content;
    CHECK(loading.config().password == "hunter2");
  }
}

TEST_CASE("Of password and password-file the one from the stronger source is used") {
  Loading loading = withFile("password-file: secret\n");
  loading.files["secret"] = "from-file";
  CHECK(loading.config().password == "from-file");
  loading.environment["REDIS_PASSWORD"] = "from-environment";
  CHECK(loading.config().password == "from-environment");
  loading.arguments.emplace_back("--password-file=secret");
  CHECK(loading.config().password == "from-file");
}

TEST_CASE("A password file that a stronger source overrides is not in force") {
  Loading loading = withFile("password-file: secret\n");
  loading.files["secret"] = "from-file";
  CHECK(loading.config().passwordFile == "secret");
  loading.arguments.emplace_back("--password=hunter2");
  CHECK(loading.config().passwordFile.empty());
}

TEST_CASE("Clients present the password for the nodes, or one of their own, which may come from a file") {
  Loading loading = withArguments({"--password=nodes"});
  CHECK(clientSecret(loading.config()) == "nodes");
  loading.arguments.emplace_back("--client-password-file=secret");
  loading.files["secret"] = "clients\n";
  CHECK(clientSecret(loading.config()) == "clients");
  CHECK(loading.config().password == "nodes");
  loading.files["secret"] = "";
  CHECK(loading.errors() ==
        Texts{"command-line argument 3 (--client-password-file): client-password-file: found \"secret\" (the "
              "password in it is empty); allowed: a file whose only line is the password"});
  loading = withArguments({"--password-command=token", "--client-auth=none"});
  CHECK(clientSecret(loading.config()).empty());
}

TEST_CASE("What is wrong with a password file is said, but not what is in it") {
  const std::string front = "command-line argument 2 (--password-file): password-file: found \"secret\" (";
  const std::string back = "); allowed: a file whose only line is the password";
  Loading loading = withArguments({"--password-file", "secret"});
  CHECK(loading.errors() == Texts{front + "No such file or directory" + back});
  loading.files["secret"] = "\n";
  CHECK(loading.errors() == Texts{front + "the password in it is empty" + back});
  loading.files["secret"] = "hunter2\nhunter3\n";
  CHECK(loading.errors() == Texts{front + "it has more than one line, or one that is too long" + back});
  loading.arguments.emplace_back("--password=hunter2");
  CHECK(loading.errors() == Texts{"command-line argument 2 (--password-file): password-file: found together "
                                  "with password (command-line "
                                  "argument 4 (--password)); allowed: one of the two"});
}

TEST_CASE("A default configuration and a loaded one without settings are the same but for what must be set") {
  Config expected;
  expected.clusterNodes = {{"10.0.0.1", 6379}};
  expected.workers = 4;
  CHECK(withArguments({}).config() == expected);
}
