// A password in a file that changes.
#include "proxy/server/password_file.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "catch.h"
#include "proxy/net/uv_loop.h"
#include "proxy/telemetry/log.h"
#include "temporary_folder.h"

using namespace slotless;

namespace {

void replace(const test::TemporaryFolder& folder, const std::string& text) {
  std::ofstream(folder.file("new")) << text;
  std::filesystem::rename(folder.file("new"), folder.file("password"));
}

}  // namespace

TEST_CASE("a password is found at first and when it changes, and what is none changes nothing") {
  log::setLevel(log::Level::Error);
  const test::TemporaryFolder folder;
  replace(folder, "one\n");
  net::UvLoop loop;
  std::vector<std::string> found;
  const server::PasswordFile file(
      loop, folder.file("password"), "password-file",
      [&](const std::string& password) {
        found.push_back(password);
        loop.stop();
      },
      net::Millis(2));
  loop.run();
  for (const char* useless : {"", "\n", "two\nlines\n"}) {
    replace(folder, useless);
    const auto timer = loop.makeTimer([&] { loop.stop(); });
    timer->start(net::Millis(20));
    loop.run();
  }
  replace(folder, "two");
  loop.run();
  CHECK(found == std::vector<std::string>{"one", "two"});
}
