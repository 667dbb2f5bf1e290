// The errors that the proxy itself gives for a request that it could not have carried out.
#pragma once
#include <string_view>

namespace slotless::session::reply_texts {

inline constexpr std::string_view kNoMaster = "-CLUSTERDOWN The slot has no reachable master\r\n";
inline constexpr std::string_view kLinkFull =
    "-CLUSTERDOWN The node does not take requests as fast as they come (link-max-in-flight-bytes)\r\n";
inline constexpr std::string_view kNodeSilent =
    "-CLUSTERDOWN The node of the slot does not answer (suspect-after)\r\n";
inline constexpr std::string_view kNoLease =
    "-ERR max number of leased connections reached (lease-max-blocking, lease-max-tracking, "
    "lease-max-transactions)\r\n";
inline constexpr std::string_view kTryAgain = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
inline constexpr std::string_view kOvertaken =
    "-CLUSTERDOWN The slot was not served when this command came, and a later one has been carried out\r\n";
inline constexpr std::string_view kUnblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
inline constexpr std::string_view kAmbiguous =
    "-AMBIGUOUS The connection to the node broke after this command was sent: it may or may not have been "
    "carried out\r\n";

}  // namespace slotless::session::reply_texts
