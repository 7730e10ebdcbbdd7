// The garbage collector (program.h), with as many workers as somebody wants.
#pragma once

namespace skiff {

class CustomKindWatches;
class Manager;

// So many objects are looked at at once.
void AddGarbageCollector(Manager& manager, CustomKindWatches& custom_kinds, int workers);

}  // namespace skiff
