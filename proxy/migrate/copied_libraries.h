// The function libraries that a migration has copied, in either direction: those that it deletes where the
// other side has them no more. What a side had of its own is not among them, until the migration has carried
// it over. Kept in the journal, so that a run that is started again knows them.
#pragma once
#include <set>
#include <string>

#include "proxy/migrate/journal.h"

namespace slotless::migrate {

class CopiedLibraries {
 public:
  using Names = std::set<std::string>;

  static Names in(const Journal::Fields& fields);

  explicit CopiedLibraries(Journal& journal) : journal_(journal) {}

  // What an earlier run has left.
  void recall(const Journal::Fields& fields) { names_ = in(fields); }
  // Before they are copied: one that is on the other side and not written down would stay there for ever. The
  // error, or nothing.
  std::string add(const Names& names);
  const Names& names() const noexcept { return names_; }

 private:
  Journal& journal_;
  Names names_;  // none ever leaves: a master that comes later may bring one along
};

}  // namespace slotless::migrate
