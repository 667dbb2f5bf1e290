// The words of a program that is run without a shell.
#include "config/program_words.h"

#include "catch.h"
#include "loading.h"

using namespace slotless::config;
using Texts = std::vector<std::string>;

TEST_CASE("Blanks separate the words of a program, and quotes keep them together") {
  struct Row {
    std::string text;
    Texts words;
  };
  for (const Row& row :
       {Row{"", {}}, Row{"  ", {}}, Row{"/bin/token", {"/bin/token"}},
        Row{" token  --name\tx ", {"token", "--name", "x"}},
        Row{R"(token "a b" c"d e"f "")", {"token", "a b", "cd ef", ""}},
        Row{R"(token "a\"b\\c" d\e $HOME 'x')", {"token", "a\"b\\c", "d\\e", "$HOME", "'x'"}}}) {
    INFO(row.text);
    const auto parsed = parseProgramWords(row.text);
    REQUIRE(parsed.value);
    CHECK(*parsed.value == row.words);
    CHECK(parseProgramWords(formatProgramWords(row.words)).value == row.words);
  }
  CHECK(formatProgramWords({"token", "a b", "\"", "c"}) == R"(token "a b" "\"" c)");
}

TEST_CASE("What is no program is refused") {
  CHECK(parseProgramWords("token \"a").reason == "a quote is not closed");
  CHECK(parseProgramWords("token\na").reason == "it has more than one line");
  CHECK(parseProgramWords("token \x01").reason == "it has a control character");
  CHECK(parseProgramWords("\"\" a").reason == "the program has no name");
}

TEST_CASE("password-command may be words or a list") {
  for (const char* line :
       {"password-command: token --for \"my cache\"\n", "password-command: [token, --for, my cache]\n",
        "password-command:\n  - token\n  - --for\n  - my cache\n"}) {
    INFO(line);
    const Config config = withFile(std::string(line) + "client-auth: none\n").config();
    CHECK(config.passwordCommand == Texts{"token", "--for", "my cache"});
  }
  CHECK(withFile("password-command: []\n").config().passwordCommand.empty());
  CHECK(withFile("password-command: [token, {a: b}]\nclient-auth: none\n").errors().size() == 1);
  CHECK(contains(
      withArguments({"--check-config", "--password-command=token \"a b\"", "--client-auth=none"}).printout(),
      "password-command: \"token \\\"a b\\\"\"  # command-line"));
}
