// Proposals as a person reads them, and as JSON.
#pragma once
#include <string>

#include "proxy/advise/proposal.h"

namespace slotless::advise {

std::string textOf(const DatabaseSample& sample, const Proposal& proposal);

// One line: {"event":"database","database":2,"keys":…,"sampled":…,"commands":…,"rule":"2=grouped:bull:*:",
// "why":…,"layouts":[{"layout":"2=spread","groups":…,"largest":{"group":…,"keys":…,"bytes":…,"share":…},
// "crossing":{"split":{"seen":…,"crossing":…,"example":…},"commands":…,"transactions":…,"scripts":…}}]}
std::string jsonOf(const DatabaseSample& sample, const Proposal& proposal);

}  // namespace slotless::advise
