// Who the other end of a TLS connection is, by its certificate that has been verified.
#pragma once
#include <string>
#include <vector>

namespace slotless::net {

struct PeerNames {
  std::string commonName;         // the subject's CN; empty: none
  std::vector<std::string> uris;  // among the alternative names, in their order
};

}  // namespace slotless::net
