#include "proxy/cluster/address_map.h"

namespace slotless::cluster {

const AddressRule* AddressMap::ruleFor(const net::Address& announced) const {
  const AddressRule* ofHost = nullptr;
  for (const AddressRule& rule : rules_) {
    if (rule.from == announced) return &rule;
    if (rule.from.port == 0 && rule.from.host == announced.host && ofHost == nullptr) ofHost = &rule;
  }
  return ofHost;
}

net::Address AddressMap::translate(net::Address announced) const {
  const AddressRule* rule = ruleFor(announced);
  if (rule == nullptr) return announced;
  return {rule->to.host, rule->to.port == 0 ? announced.port : rule->to.port};
}

}  // namespace slotless::cluster
