// Where cluster-nodes names nodes of several clusters: one of them is the one that counts.
#pragma once
#include "proxy/doctor/facts.h"

namespace slotless::doctor {

// That which serves most slots stays as it is. Of each other one a node is left, whose contact says so: none
// of its nodes knows, or is known by, a node of the one.
void setOthersAside(Facts& facts);

}  // namespace slotless::doctor
