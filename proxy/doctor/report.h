// Findings as a person reads them, and as JSON.
#pragma once
#include <string>
#include <vector>

#include "proxy/doctor/facts.h"
#include "proxy/doctor/finding.h"

namespace slotless::doctor {

std::string textReport(const Facts& facts, const std::vector<Finding>& findings);

// One line: {"nodes":6,"answered":6,"worst":"warning","findings":[{"severity":…,"check":…,"subject":…,
// "seen":…,"why":…,"todo":…}]}. `worst` is "none" where there are none.
std::string jsonReport(const Facts& facts, const std::vector<Finding>& findings);

// 0: none, or only notes. 1: warnings. 2: critical.
int exitCode(const std::vector<Finding>& findings) noexcept;

}  // namespace slotless::doctor
