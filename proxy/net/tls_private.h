// What is OpenSSL's: for the files of TLS only.
#pragma once
#include <openssl/ssl.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "proxy/net/peer_names.h"
#include "proxy/net/tls_context.h"
#include "proxy/net/tls_stream.h"

namespace slotless::net {

struct SslFree {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};

// Sessions that servers have given, so that the next handshake with them is a short one. By what was dialled,
// since a session stands for the certificate that was verified then. Thread-safe.
class TlsSessions {
 public:
  using Session = std::unique_ptr<SSL_SESSION, SslFree>;

  void put(const std::string& dialled, Session session) {
    const std::lock_guard guard(mutex_);
    if (sessions_.size() >= kMost && !sessions_.contains(dialled)) sessions_.clear();
    sessions_[dialled] = std::move(session);
  }
  // nullptr: there is none.
  Session find(const std::string& dialled) const {
    const std::lock_guard guard(mutex_);
    const auto found = sessions_.find(dialled);
    if (found == sessions_.end()) return nullptr;
    SSL_SESSION_up_ref(found->second.get());
    return Session(found->second.get());
  }

 private:
  static constexpr std::size_t kMost = 1024;

  mutable std::mutex mutex_;
  std::map<std::string, Session> sessions_;
};

class TlsContext {
 public:
  std::unique_ptr<SSL_CTX, SslFree> ssl;
  mutable TlsSessions sessions;  // a client's
  bool isServer = false;
  TlsVerify verify = TlsVerify::Name;
  std::string serverName;
};

// Of a client's SSL: the std::string by which its sessions are kept. 0 is the application's own.
inline constexpr int kDialledIndex = 0;

// The oldest of the errors that OpenSSL has noted on this thread, as a text; takes all of them away.
std::string takeSslError();

// Of a connection whose handshake is over.
TlsFacts factsOf(const SSL& ssl);
std::unique_ptr<const PeerNames> peerNamesOf(const SSL& ssl);
// Frees the certificates between a client's own one and the root: each takes 5 KB, and nothing asks for them
// once they are verified.
void forgetChain(const SSL& ssl) noexcept;

}  // namespace slotless::net
