// Work with files beside the loops, and what is said of users before they are taken over.
#include "proxy/server/errands.h"

#include <atomic>

#include "catch.h"
#include "proxy/net/uv_loop.h"
#include "proxy/server/user_check.h"

using namespace slotless;
using server::Errands;

TEST_CASE("errands are done one at a time, and each is told on the loop") {
  net::UvLoop loop;
  Errands errands;
  std::atomic<int> working{0};
  std::atomic<int> most{0};
  int told = 0;
  constexpr int kErrands = 5;
  for (int i = 0; i < kErrands; ++i) {
    errands.run(
        [&] {
          most = std::max(most.load(), ++working);
          --working;
        },
        loop,
        [&] {
          if (++told == kErrands) loop.stop();
        });
  }
  loop.run();
  errands.wait();
  CHECK(told == kErrands);
  CHECK(most == 1);
}

TEST_CASE("users with wrong rules are objected to, but for names that servers may know") {
  CHECK(server::objectionsToUsers({"user a +ft.search ~*", "user default on nopass"}, "file").empty());
  CHECK(server::objectionsToUsers({"user a bogus"}, "file") ==
        std::vector<std::string>{"file:1: Error in applying operation 1: Syntax error"});
}
