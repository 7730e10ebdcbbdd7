// The old way to ask how a control plane fares, which no store keeps: componentstatuses. What
// stands here is the store alone, as "etcd-0"; controllers and scheduler have health endpoints of
// their own.
#pragma once

#include <string>
#include <vector>

#include "api/type.h"
#include "apiserver/storage/store.h"
#include "base/error.h"

namespace skiff {

bool IsComponentStatus(const KindInfo& kind);

// JSON text of each, asked for now.
std::vector<std::string> ComponentStatusTexts(Store& store);
// Of the one with that name; NotFound when there is none.
Result<std::string> ComponentStatusText(Store& store, const std::string& name);

}  // namespace skiff
