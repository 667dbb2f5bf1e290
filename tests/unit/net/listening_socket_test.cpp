// Listening sockets: in use, abandoned, passed on, with the right permissions, and gone afterwards.
#include "proxy/net/listening_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "catch.h"
#include "temporary_folder.h"

namespace slotless::net {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

bool connects(const std::string& path) {
  const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const bool connected = ::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(client);
  return connected;
}

mode_t modeOf(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("a Unix socket has the permissions asked for and is removed with its listener", "[listening]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.sock");
  const mode_t before = ::umask(022);
  for (const mode_t mode : {0700U, 0770U, 0777U}) {
    std::string error;
    const ListeningSocket socket = ListeningSocket::local(path, mode, 10, error);
    INFO(error);
    REQUIRE(socket);
    CHECK(socket.isLocal());
    CHECK(socket.address() == Address{path, 0});
    CHECK(modeOf(path) == mode);
    CHECK(connects(path));
  }
  CHECK(::umask(before) == 022);
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a Unix socket on which somebody listens is in use", "[listening]") {
  const TemporaryFolder folder;
  std::string error;
  const ListeningSocket first = ListeningSocket::local(folder.file("a.sock"), 0700, 10, error);
  REQUIRE(first);
  CHECK_FALSE(ListeningSocket::local(folder.file("a.sock"), 0700, 10, error));
  CHECK(error == "Address already in use");
  CHECK(connects(folder.file("a.sock")));
}

TEST_CASE("a Unix socket that was left behind is replaced", "[listening]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.sock");
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  ::close(dead);
  REQUIRE(fs::exists(path));
  std::string error;
  const ListeningSocket socket = ListeningSocket::local(path, 0700, 10, error);
  CHECK(socket);
  CHECK(connects(path));
}

TEST_CASE("a file that is no socket is never replaced", "[listening]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("precious");
  std::ofstream(path) << "content";
  std::string error;
  CHECK_FALSE(ListeningSocket::local(path, 0700, 10, error));
  CHECK(error == "Address already in use");
  CHECK(fs::file_size(path) == 7);
}

TEST_CASE("a Unix socket that has been replaced by somebody else is left alone", "[listening]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.sock");
  std::string error;
  ListeningSocket first = ListeningSocket::local(path, 0700, 10, error);
  fs::rename(path, folder.file("kept"));
  const ListeningSocket second = ListeningSocket::local(path, 0700, 10, error);
  REQUIRE(second);
  first = ListeningSocket();
  CHECK(connects(path));
}

TEST_CASE("a folder that does not exist is an error that says so", "[listening]") {
  const TemporaryFolder folder;
  std::string error;
  CHECK_FALSE(ListeningSocket::local(folder.file("none/a.sock"), 0700, 10, error));
  CHECK(error == "No such file or directory");
}

TEST_CASE("a socket that is passed on knows where it listens, and its file stays", "[listening]") {
  const TemporaryFolder folder;
  std::string error;
  const ListeningSocket unixSocket = ListeningSocket::local(folder.file("a.sock"), 0700, 10, error);
  const ListeningSocket tcp = ListeningSocket::tcp({"127.0.0.1", 0}, 10, error);
  const ListeningSocket all = ListeningSocket::tcp({"", 0}, 10, error);
  REQUIRE(unixSocket);
  REQUIRE(tcp);
  REQUIRE(all);
  for (const ListeningSocket* each : {&unixSocket, &tcp, &all}) {
    const ListeningSocket copy = ListeningSocket::inherited(::dup(each->descriptor()), error);
    INFO(each->address().text() << " " << error);
    REQUIRE(copy);
    const bool onlyIpv4 = each == &all && copy.address().host == "0.0.0.0";
    CHECK((onlyIpv4 || copy.address() == each->address()));
    CHECK(copy.address().port == each->address().port);
    CHECK(copy.isLocal() == each->isLocal());
  }
  CHECK(connects(folder.file("a.sock")));
}

TEST_CASE("what does not listen cannot be taken over", "[listening]") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const int idle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (const int descriptor : {ends[0], idle, datagrams, 1000}) {
    std::string error;
    CHECK_FALSE(ListeningSocket::inherited(descriptor, error));
    CHECK(error == "it is no TCP or Unix socket that listens");
  }
  for (const int descriptor : {ends[0], ends[1], idle, datagrams}) ::close(descriptor);
}

}  // namespace slotless::net
