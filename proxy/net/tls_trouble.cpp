#include "proxy/net/tls_trouble.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <iterator>

#include "proxy/net/tls_private.h"

namespace slotless::net {

namespace {

constexpr char kHandshakeRecord = 22;
constexpr char kAlertRecord = 21;
// What OpenSSL adds to the number of an alert that has come.
constexpr int kAlert = SSL_AD_REASON_OFFSET;

struct Reason {
  int number;
  TlsFailure means;
};
constexpr Reason kReasons[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TlsFailure::Certificate},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, TlsFailure::Certificate},
    {SSL_R_UNSUPPORTED_PROTOCOL, TlsFailure::Protocol},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, TlsFailure::Protocol},
    {SSL_R_NO_SHARED_CIPHER, TlsFailure::Protocol},
    {SSL_R_WRONG_VERSION_NUMBER, TlsFailure::Protocol},
    {SSL_R_VERSION_TOO_LOW, TlsFailure::Protocol},
    {kAlert + SSL_AD_PROTOCOL_VERSION, TlsFailure::Protocol},
    {kAlert + SSL_AD_HANDSHAKE_FAILURE, TlsFailure::Protocol},
    {kAlert + SSL_AD_INSUFFICIENT_SECURITY, TlsFailure::Protocol},
};

TlsFailure kindOf(unsigned long code) {
  if (code == 0 || ERR_GET_LIB(code) != ERR_LIB_SSL) return TlsFailure::Other;
  const int number = ERR_GET_REASON(code);
  const auto* const found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                         [&](const Reason& each) { return each.number == number; });
  if (found != std::end(kReasons)) return found->means;
  return number >= kAlert ? TlsFailure::Refused : TlsFailure::Other;
}

}  // namespace

TlsTrouble takeSslTrouble() {
  const TlsFailure reason = kindOf(ERR_peek_error());
  return {reason, takeSslError()};
}

std::string_view otherProtocolIn(std::string_view firstBytes) noexcept {
  if (firstBytes.empty() || firstBytes[0] == kHandshakeRecord || firstBytes[0] == kAlertRecord) return {};
  for (const std::string_view method : {"GET ", "POST", "HEAD", "PUT ", "OPTI", "CONN", "HTTP", "DELE"}) {
    if (firstBytes.starts_with(method)) return "HTTP";
  }
  return "plain RESP";
}

}  // namespace slotless::net
