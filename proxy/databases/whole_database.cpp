#include "proxy/databases/whole_database.h"

#include <optional>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/databases/pinned_scan.h"
#include "proxy/databases/reply_names.h"
#include "proxy/databases/scripts.h"

namespace slotless::databases {

using protocol::Argv;
using protocol::WholeDatabase;
using routing::PartReply;

namespace {

// A slot with no more keys than that is gone through at once.
constexpr std::string_view kPartsAtOnce = "10000";
Rewritten script(std::string_view command, std::string_view text, const Database& database) {
  Rewritten result;
  result.command = command;
  result.argv = {std::string(command), std::string(text), "1", database.routingKey, database.prefix};
  return result;
}

Rewritten refused(std::string_view error) {
  Rewritten result;
  result.error = error;
  return result;
}

Rewritten rewriteScan(Argv argv, const Database& database, std::string_view eval) {
  PinnedScan scan = pinnedScan(argv, database, eval);
  if (!scan.error.empty()) return refused(scan.error);
  Rewritten result;
  result.command = eval;
  result.argv = std::move(scan.argv);
  result.composer = std::move(scan.composer);
  return result;
}

}  // namespace

bool isFlush(Argv argv) {
  if (argv.size() == 1) return true;
  return argv.size() == 2 &&
         (protocol::equalsIgnoringCase(argv[1], "async") || protocol::equalsIgnoringCase(argv[1], "sync"));
}

Rewritten rewriteForPinned(WholeDatabase what, Argv argv, const Database& database, int protocol,
                           std::uint32_t random, std::string_view eval) {
  switch (what) {
    case WholeDatabase::Count: return script(eval, scripts::kPinnedCount, database);
    case WholeDatabase::Flush:
      if (!isFlush(argv)) return refused("ERR syntax error");
      return script("eval", scripts::kPinnedFlush, database);
    case WholeDatabase::List: {
      Rewritten result = script(eval, scripts::kPinnedList, database);
      result.argv.push_back(database.physicalPattern(argv[1]));
      result.argv.emplace_back(kPartsAtOnce);
      result.composer = listComposer(database, std::string(argv[1]));
      return result;
    }
    case WholeDatabase::Random: {
      Rewritten result = script(eval, scripts::kPinnedRandom, database);
      result.argv.push_back(std::to_string(random));
      result.argv.emplace_back(kPartsAtOnce);
      result.composer = firstKeyComposer(database, protocol);
      return result;
    }
    case WholeDatabase::Scan: return rewriteScan(argv, database, eval);
    case WholeDatabase::None: break;
  }
  return refused("ERR unknown command");
}

}  // namespace slotless::databases
