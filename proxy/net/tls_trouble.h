// Why a TLS handshake has failed, as a kind that is counted and as a text for people.
#pragma once
#include <string>
#include <string_view>

#include "proxy/net/tls_counts.h"

namespace slotless::net {

struct TlsTrouble {
  TlsFailure reason = TlsFailure::Other;
  std::string text;
};

// By the errors that OpenSSL has noted on this thread, which are gone afterwards.
TlsTrouble takeSslTrouble();

// By the first bytes of the other side: what it speaks if that is not TLS ("HTTP", "plain RESP"); empty: it
// is.
std::string_view otherProtocolIn(std::string_view firstBytes) noexcept;

}  // namespace slotless::net
