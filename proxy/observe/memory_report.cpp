#include "proxy/observe/memory_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <string_view>

namespace slotless::session {

namespace {

constexpr std::size_t kMebi = std::size_t{1024} * 1024;
// Less is nothing to look at.
constexpr std::size_t kMuch = 64 * kMebi;

std::string mebibytes(std::size_t bytes) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB",
                static_cast<double>(bytes) / static_cast<double>(kMebi));
  return text.data();
}

// What it means that most of the heap is that, by the name of the use.
struct UseAdvice {
  std::string_view name;
  std::string_view text;
};
constexpr UseAdvice kUseAdvice[] = {
    {"client_input",
     "Clients send large requests, or many that wait. PROXY CLIENTS (input=) names them; "
     "client-query-buffer-limit is the most that one may have."},
    {"client_output",
     "Clients do not read their replies. PROXY CLIENTS (output=) names them; client-output-soft-limit and "
     "client-output-hard-limit are the most that one may leave unread."},
    {"link_output",
     "Nodes are slow to take or answer requests. PROXY LINKS (bytes-open=) and LATENCY DOCTOR name them."},
    {"other",
     "Requests are held for nodes that are away (requests_held in PROXY STATS). hold-max-bytes is the most "
     "that all may have."},
    {"idle", "It was needed in a burst, and is given back within seconds."},
    {"requests",
     "Very many requests are under way at once. client-max-in-flight is the most that one client may have."},
    {"sessions",
     "Clients hold much: transactions, subscriptions, tracked keys. PROXY CLIENTS (memory=, multi=) names "
     "them."},
};
constexpr std::string_view kRestAdvice =
    "It is what serves all clients: links, the topology, commands, users. It grows with nodes times workers.";

std::string_view adviceOn(std::string_view name) {
  const auto* found = std::find_if(std::begin(kUseAdvice), std::end(kUseAdvice),
                                   [&](const UseAdvice& each) { return each.name == name; });
  return found == std::end(kUseAdvice) ? std::string_view("PROXY MEMORY has all uses.") : found->text;
}

bool isMost(std::size_t bytes, const MemoryAccount& account) {
  return bytes >= kMuch && bytes >= account.heapBytes / 2;
}

struct Findings {
  std::string text;

  void add(std::string_view title, const std::string& what, std::string_view advice) {
    text.append(" * ").append(title).append(": ").append(what).append(" ").append(advice).append("\n\n");
  }
};

void judgeLimit(const MemoryAccount& account, Findings& findings) {
  const std::size_t limit = account.limitBytes;
  if (limit == 0) {
    return findings.add("No limit", "memory-limit is 0.",
                        "Clients can make the process grow until the system ends it. Set memory-limit.");
  }
  const std::string state = mebibytes(account.countedBytes) + " of " + mebibytes(limit) + " are in use.";
  if (account.countedBytes >= limit - limit / 10) {
    return findings.add("At the limit", state,
                        "Above memory-limit those clients that hold most are closed; PROXY CLIENTS (memory=) "
                        "names them.");
  }
  if (account.countedBytes >= limit / 2) {
    findings.add("Past half of the limit", state,
                 "From there on clients with unread replies get no more than their share of what is left.");
  }
}

void judgeUses(const MemoryAccount& account, Findings& findings) {
  for (const MemoryUse& use : account.uses) {
    if (isMost(use.bytes, account))
      findings.add("Mostly " + use.name,
                   mebibytes(use.bytes) + " of the heap's " + mebibytes(account.heapBytes) + ".",
                   adviceOn(use.name));
  }
  if (isMost(account.restBytes(), account)) {
    findings.add("Mostly for no client",
                 mebibytes(account.restBytes()) + " of the heap's " + mebibytes(account.heapBytes) + ".",
                 kRestAdvice);
  }
}

void judgeResident(const MemoryAccount& account, Findings& findings) {
  const std::size_t known = account.heapBytes + account.programBytes;
  if (account.residentBytes < known + kMuch || account.residentBytes < known + known / 2) return;
  findings.add(
      "More resident than used",
      mebibytes(account.residentBytes) + " for a heap of " + mebibytes(account.heapBytes) + ".",
      "The rest is free memory between what is in use. It goes back to the system within seconds of a "
      "burst; if it stays, a restart in place (SIGUSR2) gives it back.");
}

}  // namespace

std::size_t MemoryAccount::restBytes() const noexcept {
  std::size_t told = 0;
  for (const MemoryUse& use : uses) told += use.bytes;
  return heapBytes > told ? heapBytes - told : 0;
}

std::string memoryDoctorText(const MemoryAccount& account) {
  Findings findings;
  judgeLimit(account, findings);
  judgeUses(account, findings);
  judgeResident(account, findings);
  if (!findings.text.empty())
    return "Slotless has found something to look at in its own memory:\n\n" + findings.text;
  return "Slotless finds nothing wrong with its own memory: " + mebibytes(account.countedBytes) +
         " are in use, and memory-limit is " + mebibytes(account.limitBytes) + ".\n\n";
}

}  // namespace slotless::session
