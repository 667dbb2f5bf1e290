#include <openssl/x509v3.h>

#include "proxy/net/tls_private.h"
#include "proxy/net/tls_stream.h"

namespace slotless::net {

namespace {

std::string textOf(const ASN1_STRING* string) {
  if (string == nullptr) return {};
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string commonNameOf(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  return at < 0 ? std::string() : textOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::vector<std::string> urisOf(const X509* certificate) {
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::vector<std::string> uris;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI) uris.push_back(textOf(name->d.uniformResourceIdentifier));
  }
  GENERAL_NAMES_free(names);
  return uris;
}

}  // namespace

TlsFacts factsOf(const SSL& ssl) {
  TlsFacts facts;
  facts.version = SSL_get_version(&ssl);
  facts.cipher = SSL_get_cipher_name(&ssl);
  facts.resumed = SSL_session_reused(&ssl) == 1;
  return facts;
}

std::unique_ptr<const PeerNames> peerNamesOf(const SSL& ssl) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(&ssl), X509_free);
  if (certificate == nullptr || SSL_get_verify_mode(&ssl) == SSL_VERIFY_NONE ||
      SSL_get_verify_result(&ssl) != X509_V_OK)
    return nullptr;
  return std::make_unique<const PeerNames>(
      PeerNames{commonNameOf(certificate.get()), urisOf(certificate.get())});
}

// Both stacks are the connection's own ones.
void forgetChain(const SSL& ssl) noexcept {
  for (STACK_OF(X509) * chain : {SSL_get_peer_cert_chain(&ssl), SSL_get0_verified_chain(&ssl)}) {
    while (sk_X509_num(chain) > 0) X509_free(sk_X509_pop(chain));
  }
}

}  // namespace slotless::net
