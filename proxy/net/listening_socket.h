// A socket that listens, made here or passed on by whoever started the process.
//
// Ownership: closes its descriptor; removes the file of a Unix socket that it has made or was handed, unless
// somebody has put another one there. Errors: as texts ("Address already in use").
#pragma once
#include <sys/types.h>

#include <string>
#include <utility>

#include "proxy/net/address/address.h"

namespace slotless::net {

class ListeningSocket {
 public:
  // An empty host means all addresses, by IPv6 and IPv4 where there are both. Port 0: the system chooses one.
  // Waits for a name to be looked up: only while the process starts.
  static ListeningSocket tcp(const Address& address, int backlog, std::string& error);
  // Replaces the file of a socket on which nobody listens any more. `mode`: the file's permissions.
  static ListeningSocket local(const std::string& path, mode_t mode, int backlog, std::string& error);
  // Takes over a descriptor that listens already; the file of a Unix socket stays when it is closed.
  static ListeningSocket inherited(int descriptor, std::string& error);
  // Who removes the file of a Unix socket: takes that over together with an inherited descriptor, and leaves
  // it to whom the descriptor is passed on.
  void adoptFile();
  void leaveFile() noexcept { file_ = {}; }

  ListeningSocket() = default;
  ~ListeningSocket();
  ListeningSocket(ListeningSocket&& other) noexcept { swap(other); }
  ListeningSocket& operator=(ListeningSocket&& other) noexcept {
    swap(other);
    return *this;
  }

  // False: there is none, see the error.
  explicit operator bool() const noexcept { return descriptor_ >= 0; }
  int descriptor() const noexcept { return descriptor_; }
  // With the real port; empty host: all addresses. Of a Unix socket: its path, and port 0.
  const Address& address() const noexcept { return address_; }
  bool isLocal() const noexcept { return local_; }
  bool removesFile() const noexcept { return file_.inode != 0; }

 private:
  struct File {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const File&) const = default;
  };

  void swap(ListeningSocket& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(address_, other.address_);
    std::swap(local_, other.local_);
    std::swap(file_, other.file_);
  }
  static File fileAt(const std::string& path);

  int descriptor_ = -1;
  Address address_;
  bool local_ = false;
  File file_;  // what has been made; inode 0: nothing
};

}  // namespace slotless::net
