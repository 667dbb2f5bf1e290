// Parts of documents that stand in more than one; private to the room.
#pragma once
#include "proxy/page/json.h"
#include "proxy/page/page_sources.h"

namespace slotless::page {

Json healthPart(PageSources& sources, const observe::Present& present);
Json nodesPart(PageSources& sources, const observe::Present& present);
Json limitsPart(const observe::Present& present);
// In the order of kTrafficFields.
Json pointPart(const observe::TrafficPoint& point);

}  // namespace slotless::page
