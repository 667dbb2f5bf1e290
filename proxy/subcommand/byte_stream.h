// A connection to a server, with TLS or without: bytes out and in, each step until a deadline.
//
// Ownership: the socket and the TLS session. Errors: as texts; after one the stream is of no use any more.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "proxy/subcommand/server_url.h"

namespace slotless::subcommand {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

inline Deadline in(std::chrono::milliseconds time) {
  return Clock::now() + time;
}

struct TlsFiles {
  std::string authority = {};  // empty: whom the system trusts
  std::string certificate = {};
  std::string key = {};
  std::string serverName = {};  // verified instead of the name that is dialled; empty: that one
  config::ClusterTlsVerify verify = config::ClusterTlsVerify::Name;

  static TlsFiles of(const config::Config& config);
};

class ByteStream {
 public:
  ByteStream();
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // The error, or nothing.
  std::string open(const ServerUrl& url, const TlsFiles& files, Deadline deadline);
  std::string send(std::string_view bytes, Deadline deadline);
  // Appends what is there, at least a byte, or nothing when the deadline has passed.
  std::string receive(std::string& bytes, Deadline deadline);
  // For poll(); data may nevertheless be there already, see pending().
  int descriptor() const noexcept { return socket_; }
  bool pending() const noexcept;
  void close() noexcept;

 private:
  struct Tls;

  std::string dial(const ServerUrl& url, Deadline deadline);
  std::string shake(const ServerUrl& url, const TlsFiles& files, Deadline deadline);
  // False: the deadline has passed.
  bool await(short events, Deadline deadline) const;

  int socket_ = -1;
  std::unique_ptr<Tls> tls_;
};

}  // namespace slotless::subcommand
