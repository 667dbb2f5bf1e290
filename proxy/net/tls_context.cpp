#include "proxy/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <cstring>
#include <ctime>
#include <utility>

#include "proxy/net/tls_private.h"

namespace slotless::net {

namespace {

int numberOf(TlsVersion version) {
  return version == TlsVersion::Tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// Collects the first thing that goes wrong.
class Maker {
 public:
  explicit Maker(const SSL_METHOD* method) : context_(std::make_shared<TlsContext>()) {
    ERR_clear_error();
    context_->ssl.reset(SSL_CTX_new(method));
    check(context_->ssl != nullptr, "TLS");
    if (!error_.empty()) return;
    SSL_CTX_set_options(raw(),
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // An idle connection holds no buffers.
    SSL_CTX_set_mode(raw(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }

  SSL_CTX* raw() { return context_->ssl.get(); }
  TlsContext& context() { return *context_; }
  bool failed() const { return !error_.empty(); }
  void check(bool good, const std::string& what) {
    const std::string reason = good ? std::string() : takeSslError();
    if (!good && error_.empty()) error_ = what + ": " + (reason.empty() ? "not to be used" : reason);
  }
  void demand(const TlsDemands& demands) {
    if (failed()) return;
    check(SSL_CTX_set_min_proto_version(raw(), numberOf(demands.least)) == 1, "the least version of TLS");
    check(SSL_CTX_set_max_proto_version(raw(), numberOf(demands.most)) == 1, "the most version of TLS");
    if (demands.least > demands.most) check(false, "the versions of TLS");
    if (!demands.ciphers.empty())
      check(SSL_CTX_set_cipher_list(raw(), demands.ciphers.c_str()) == 1, "ciphers " + demands.ciphers);
    if (!demands.ciphersuites.empty()) {
      check(SSL_CTX_set_ciphersuites(raw(), demands.ciphersuites.c_str()) == 1,
            "ciphersuites " + demands.ciphersuites);
    }
  }
  void present(const std::string& certificate, const std::string& key) {
    if (failed()) return;
    check(SSL_CTX_use_certificate_chain_file(raw(), certificate.c_str()) == 1, "certificate " + certificate);
    if (failed()) return;
    check(SSL_CTX_use_PrivateKey_file(raw(), key.c_str(), SSL_FILETYPE_PEM) == 1, "key " + key);
    if (failed()) return;
    check(SSL_CTX_check_private_key(raw()) == 1, "key " + key);
  }
  void trust(const std::string& file) {
    if (failed()) return;
    if (file.empty()) {
      check(SSL_CTX_set_default_verify_paths(raw()) == 1, "whom the system trusts");
    } else {
      check(SSL_CTX_load_verify_locations(raw(), file.c_str(), nullptr) == 1,
            "certificate authority " + file);
    }
  }
  TlsMade made() {
    if (failed()) return {nullptr, error_};
    return {std::move(context_), {}};
  }

 private:
  std::shared_ptr<TlsContext> context_;
  std::string error_;
};

// 1: the session is taken over. The context that made the connection outlives it.
int keepSession(SSL* ssl, SSL_SESSION* session) {
  const auto* context = static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const auto* dialled = static_cast<const std::string*>(SSL_get_ex_data(ssl, kDialledIndex));
  context->sessions.put(*dialled, TlsSessions::Session(session));
  return 1;
}

}  // namespace

std::string takeSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return {};
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(static_cast<int>(ERR_GET_REASON(code)));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

TlsMade makeTlsServer(const TlsServerOptions& options) {
  Maker maker(TLS_server_method());
  maker.demand(options.demands);
  maker.present(options.certificateFile, options.keyFile);
  if (options.clientCertificates != ClientCertificates::None) {
    if (options.authorityFile.empty()) maker.check(false, "client certificates without an authority");
    maker.trust(options.authorityFile);
    if (maker.failed()) return maker.made();
    SSL_CTX_set_client_CA_list(maker.raw(), SSL_load_client_CA_file(options.authorityFile.c_str()));
    const bool required = options.clientCertificates == ClientCertificates::Required;
    SSL_CTX_set_verify(maker.raw(), SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
  }
  if (maker.failed()) return maker.made();
  maker.context().isServer = true;
  // Clients keep their sessions themselves, as tickets.
  SSL_CTX_set_session_cache_mode(maker.raw(), SSL_SESS_CACHE_OFF);
  // A session is only resumed where it has been agreed: the name is any that does not change.
  constexpr unsigned char kName[] = "slotless";
  SSL_CTX_set_session_id_context(maker.raw(), kName, sizeof(kName) - 1);
  return maker.made();
}

TlsMade makeTlsClient(const TlsClientOptions& options) {
  Maker maker(TLS_client_method());
  maker.demand(options.demands);
  if (!options.certificateFile.empty()) maker.present(options.certificateFile, options.keyFile);
  if (options.verify != TlsVerify::Off) maker.trust(options.authorityFile);
  if (maker.failed()) return maker.made();
  maker.context().verify = options.verify;
  maker.context().serverName = options.serverName;
  SSL_CTX_set_session_cache_mode(maker.raw(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(maker.raw(), &maker.context());
  SSL_CTX_sess_set_new_cb(maker.raw(), keepSession);
  SSL_CTX_set_verify(maker.raw(), options.verify == TlsVerify::Off ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  return maker.made();
}

std::int64_t certificateExpiry(const TlsContext& context) {
  const X509* certificate = SSL_CTX_get0_certificate(context.ssl.get());
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return 0;
  return timegm(&end);
}

}  // namespace slotless::net
