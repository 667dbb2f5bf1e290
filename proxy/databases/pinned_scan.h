// SCAN of a pinned database: a script in the database's slot, and cursors of their own. Pure.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "proxy/databases/database.h"
#include "proxy/routing/plan.h"

namespace slotless::databases {

struct ScanOptions {
  std::string match = "*";
  std::string type;  // in lower case; empty: all
  std::uint64_t count = 10;
  std::string error;  // a line without its mark, or empty
};
// What a SCAN says behind its cursor.
ScanOptions parseScanOptions(protocol::Argv argv);

// As one request, for a transaction: EVAL_RO's or EVAL's arguments, and the composer for its reply. Cursors
// of a node that are too long give an error there.
struct PinnedScan {
  std::string error;
  std::vector<std::string> argv;
  std::unique_ptr<routing::Composer> composer;
};
PinnedScan pinnedScan(protocol::Argv argv, const Database& database, std::string_view eval);

// What is wrong with a SCAN, a line without its mark; empty: nothing.
std::string objectionToScan(protocol::Argv argv);

// In which way a page is asked for.
struct PageBy {
  std::string_view eval;  // the word; empty: by SCAN alone, where scripts are denied
  // SCAN alone: the id of the node that has the slot.
  std::function<std::string()> nodeId;
};

// In steps, which keep what is too long (routing/scan_notes.h). Requires that there is no objection to it.
// `random`: below 2^30.
void planPinnedScan(protocol::Argv argv, const Database& database, std::uint32_t random, PageBy by,
                    routing::Plan& plan);

}  // namespace slotless::databases
