// What is OpenSSL's: for the files of TLS only.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "proxy/net/tls_context.h"

namespace slotless::net {

struct SslFree {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

class TlsContext {
 public:
  std::unique_ptr<SSL_CTX, SslFree> ssl;
  bool isServer = false;
  TlsVerify verify = TlsVerify::Name;
  std::string serverName;
};

// The oldest of the errors that OpenSSL has noted on this thread, as a text; takes all of them away.
std::string takeSslError();

}  // namespace slotless::net
