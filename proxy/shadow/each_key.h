// What a read of several keys has looked at, asked of each key alone: keys that one server has together may
// lie in several slots of the cluster. Sides that agree on each of them agree on what is made of them. Pure.
#pragma once
#include <vector>

#include "proxy/observe/shadow_queue.h"
#include "proxy/shadow/asker.h"

namespace slotless::shadow {

// More keys than that are not asked for one by one.
inline constexpr std::size_t kMostKeys = 256;

// Empty: it is not known what the command reads of a key, or there are too many.
std::vector<Question> questionsOfEachKey(const observe::ShadowSample& sample);

}  // namespace slotless::shadow
