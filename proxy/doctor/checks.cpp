#include "proxy/doctor/checks.h"

#include <algorithm>

namespace slotless::doctor {

std::string_view severityName(Severity severity) noexcept {
  switch (severity) {
    case Severity::Note: return "note";
    case Severity::Warning: return "warning";
    case Severity::Critical: return "critical";
  }
  return "";
}

std::vector<const Check*> allChecks() {
  std::vector<const Check*> all;
  for (const auto& part : {reachChecks(), topologyChecks(), copyChecks(), settingChecks(), loadChecks(),
                           keyChecks(), machineChecks()}) {
    for (const Check& check : part) all.push_back(&check);
  }
  return all;
}

std::vector<Finding> examine(const Facts& facts, const std::vector<std::string>& skipped) {
  std::vector<Finding> findings;
  for (const Check* check : allChecks()) {
    if (std::find(skipped.begin(), skipped.end(), check->name) != skipped.end()) continue;
    for (Sighting& sighting : check->look(facts)) {
      findings.push_back({sighting.severity.value_or(check->severity), std::string(check->name),
                          std::move(sighting.subject), std::move(sighting.seen), std::string(check->why),
                          sighting.todo.empty() ? std::string(check->todo) : std::move(sighting.todo)});
    }
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return findings;
}

}  // namespace slotless::doctor
