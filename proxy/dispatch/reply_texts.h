// The errors that the proxy itself gives for a request that it could not have carried out.
#pragma once
#include <string_view>

namespace slotless::session::reply_texts {

inline constexpr std::string_view kNoMaster = "-CLUSTERDOWN The slot has no reachable master\r\n";
inline constexpr std::string_view kAbortedBecause = "-EXECABORT Transaction discarded because of: ";
inline constexpr std::string_view kLinkFull =
    "-CLUSTERDOWN The node does not take requests as fast as they come (link-max-in-flight-bytes)\r\n";
inline constexpr std::string_view kNodeSilent =
    "-CLUSTERDOWN The node of the slot does not answer (suspect-after)\r\n";
// The nodes contradict each other.
inline constexpr std::string_view kRedirectLoop =
    "-CLUSTERDOWN Redirect loop: nodes send requests for the slot to each other (MOVED, ASK)\r\n";
inline constexpr std::string_view kUnknownNode =
    "-CLUSTERDOWN The node sends requests for the slot to one that the cluster does not have (MOVED, ASK)\r\n";
inline constexpr std::string_view kNoReplica =
    "-CLUSTERDOWN The slot has no replica that can be read from (read-from replica)\r\n";
inline constexpr std::string_view kBehindAnother =
    "-CLUSTERDOWN An earlier command of this client for the slot has not been answered\r\n";
inline constexpr std::string_view kNoConnection =
    "-CLUSTERDOWN The node has taken no connection for this command alone\r\n";
inline constexpr std::string_view kNoLease =
    "-ERR max number of leased connections reached (lease-max-blocking, "
    "lease-max-tracking, lease-max-transactions)\r\n";
inline constexpr std::string_view kTryAgain = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
inline constexpr std::string_view kOvertaken =
    "-CLUSTERDOWN The slot was not served when this command came, and a later one has been carried out\r\n";
inline constexpr std::string_view kUnblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
inline constexpr std::string_view kAmbiguous =
    "-AMBIGUOUS The connection to the node broke after this command was sent: it may or may not have been "
    "carried out\r\n";
inline constexpr std::string_view kLateWrite =
    "-AMBIGUOUS The node did not answer in time (reply-timeout): "
    "the command may or may not have been carried out\r\n";
inline constexpr std::string_view kLate = "-ERR The node did not answer in time (reply-timeout)\r\n";
inline constexpr std::string_view kBrokeAgain =
    "-ERR The connection to the node broke twice while this command was answered: "
    "its reply may be more than the node sends to one client "
    "(client-output-buffer-limit), or the command may be more than the node takes\r\n";
inline constexpr std::string_view kTooLarge =
    "-ERR The connection to the node broke twice while this command was sent: it may be larger than the node "
    "takes (proto-max-bulk-len, client-query-buffer-limit)\r\n";
inline constexpr std::string_view kRanLong =
    "-ERR The node was lost after this command had kept it for longer than suspect-after: it is not given to "
    "another one\r\n";

}  // namespace slotless::session::reply_texts
