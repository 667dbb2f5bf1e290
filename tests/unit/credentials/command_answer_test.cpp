// What a password-command prints.
#include "proxy/credentials/command_answer.h"

#include "catch.h"

using slotless::credentials::CommandAnswer;
using slotless::credentials::parseCommandAnswer;

TEST_CASE("the first line is the password, and the others say more of it", "[credentials]") {
  struct Row {
    std::string_view text;
    std::string_view password;
    std::string_view username;
    std::int64_t milliseconds;
  };
  for (const Row& row : {
           Row{"secret", "secret", "-", 0},
           Row{"secret\n", "secret", "-", 0},
           Row{"secret\r\n", "secret", "-", 0},
           Row{" with blanks \n", " with blanks ", "-", 0},
           Row{"secret\nexpires-in 900\n", "secret", "-", 900'000},
           Row{"secret\nusername me\nexpires-in 1", "secret", "me", 1000},
           Row{"secret\r\n\r\nexpires-in 3600\r\n\nusername a-b\r\n", "secret", "a-b", 3'600'000},
           Row{"expires-in 5\n", "expires-in 5", "-", 0},
       }) {
    INFO(row.text);
    const CommandAnswer answer = parseCommandAnswer(row.text);
    CHECK(answer.error.empty());
    CHECK(answer.password == row.password);
    CHECK(answer.username.value_or("-") == row.username);
    CHECK(answer.expiresIn.value_or(slotless::net::Millis{0}).count() == row.milliseconds);
  }
}

TEST_CASE("what is wrong with an answer is said, but not what is in it", "[credentials]") {
  struct Row {
    std::string text;
    std::string_view error;
  };
  for (const Row& row : {
           Row{"", "the first line that it printed, the password, is empty"},
           Row{"\nsecret\n", "the first line that it printed, the password, is empty"},
           Row{"secret\nexpires-in\n", "line 2 that it printed has no number of seconds"},
           Row{"secret\nexpires-in 0\n", "line 2 that it printed has no number of seconds"},
           Row{"secret\nexpires-in 12secret\n", "line 2 that it printed has no number of seconds"},
           Row{"secret\nexpires-in 99999999999\n", "line 2 that it printed has no number of seconds"},
           Row{"secret\n\nusername\n", "line 3 that it printed has no name of a user"},
           Row{"secret\nusername a secret\n", "line 2 that it printed has no name of a user"},
           Row{"secret\nsecret\n",
               "line 2 that it printed is neither \"expires-in SECONDS\" nor \"username NAME\""},
           Row{std::string("sec\0ret", 7), "it printed a zero byte"},
           Row{std::string(40000, 's'), "the password that it printed is too long"},
       }) {
    const CommandAnswer answer = parseCommandAnswer(row.text);
    CHECK(answer.error == row.error);
    CHECK(answer.password.empty());
  }
}
