#include "proxy/migrate/copied_libraries.h"

#include <sstream>
#include <utility>

namespace slotless::migrate {

namespace {

constexpr const char* kField = "copied_libraries";

}  // namespace

// Servers allow letters, digits and _ in these names.
CopiedLibraries::Names CopiedLibraries::in(const Journal::Fields& fields) {
  std::istringstream text(Journal::fieldOf(fields, kField));
  Names names;
  for (std::string name; text >> name;) names.insert(std::move(name));
  return names;
}

std::string CopiedLibraries::add(const Names& names) {
  Names all = names_;
  all.insert(names.begin(), names.end());
  if (all.size() == names_.size()) return {};
  std::string text;
  for (const std::string& name : all) text += (text.empty() ? "" : " ") + name;
  if (auto error = journal_.write({{kField, text}}); !error.empty()) return error;
  names_ = std::move(all);
  return {};
}

}  // namespace slotless::migrate
