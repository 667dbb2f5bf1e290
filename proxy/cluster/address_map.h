// Where nodes are reached that announce addresses which are good elsewhere only (NAT, containers).
//
// Applied to every address that a node names, in CLUSTER SLOTS, CLUSTER NODES and redirects; never to the
// seeds.
#pragma once
#include <optional>
#include <vector>

#include "proxy/net/address/address.h"

namespace slotless::cluster {

struct AddressRule {
  net::Address from;  // port 0: any
  net::Address to;    // port 0: the same
};

class AddressMap {
 public:
  AddressMap() = default;
  explicit AddressMap(std::vector<AddressRule> rules) : rules_(std::move(rules)) {}

  // The first rule that names the port as well counts, then the first one for the host.
  net::Address translate(net::Address announced) const;

 private:
  const AddressRule* ruleFor(const net::Address& announced) const;

  std::vector<AddressRule> rules_;
};

}  // namespace slotless::cluster
