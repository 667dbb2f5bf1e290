// The documents of /api/v1: facts as JSON. Rendering only; what they mean is in docs/status-page.md.
//
// Names of members end with their unit (_ms, _us, _bytes, _per_s). Members are added, and not renamed or
// taken away, as long as the path says v1. Bytes that are no UTF-8 are shown as U+FFFD.
#pragma once
#include <string>
#include <string_view>

#include "proxy/page/door.h"
#include "proxy/page/page_sources.h"

namespace slotless::page {

std::string healthDocument(PageSources& sources);
std::string topologyDocument(PageSources& sources);
std::string nodesDocument(PageSources& sources);
std::string clientsDocument(PageSources& sources, const std::string& match);
std::string trafficDocument(PageSources& sources);
std::string databasesDocument(PageSources& sources);
std::string slowLogDocument(PageSources& sources);
std::string hotKeysDocument(PageSources& sources);
std::string migrationDocument(PageSources& sources);
std::string peersDocument(PageSources& sources);
std::string eventsDocument(PageSources& sources);
std::string limitsDocument(PageSources& sources);
std::string certificatesDocument(PageSources& sources);
std::string configurationDocument(PageSources& sources);
// Who asks, and what the page may offer.
std::string sessionDocument(const Door::Visitor& visitor, bool hasUsers, bool actions);
// What changes all the time, for the stream: health, nodes, limits and the newest point of the traffic.
std::string overviewDocument(PageSources& sources);

// {"error": "..."}
std::string errorDocument(std::string_view error);

}  // namespace slotless::page
