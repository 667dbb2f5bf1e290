// Where a SCAN cursor is kept that does not fit into 53 bits: in the cluster, so that any proxy can go on.
//
// One hash for each iteration, `~{scan:ID}`, has the cursors of its last pages by their numbers, so that a
// page may be asked for twice. It expires an hour after the last page; the iteration starts over then. The
// client's number names the hash and the page. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/routing/plan.h"
#include "proxy/routing/scan_cursor.h"

namespace slotless::routing {

class ScanNotes {
 public:
  // `place`: of the client's cursor, whose stage is Note. Asks for what is kept there …
  void look(std::uint64_t place, Plan& plan);
  // … and reads the answer. nullopt: nothing (any more).
  static std::optional<ScanCursor> found(std::string_view reply);

  // Keeps a cursor: as the next page of what was looked for, or of an iteration of that (random) name.
  void leave(const ScanCursor& cursor, std::uint64_t freshName, Plan& plan);
  // Reads the answer. False: another page of that number has been left meanwhile; leave it under a new name.
  bool left(std::string_view reply);
  // What the client gets.
  std::uint64_t number() const;

 private:
  std::optional<std::uint64_t> place_;
};

}  // namespace slotless::routing
