// What create and update reset on most kinds: the server owns the status and the generation.
#pragma once

#include "api/codec/typed.h"

namespace skiff {

template <typename T>
concept HasStatus = requires(T object) {
  object.status;
};
template <typename T>
concept HasSpec = requires(T object) {
  object.spec;
};

// Clears the status and starts the generation at 1.
template <Kind T>
void PrepareCreate(T& object) {
  if constexpr (HasStatus<T>) object.status = {};
  object.metadata.generation = 1;
}

// Clears the status of a kind whose generation the server never sets.
template <Kind T>
void ClearStatus(T& object) {
  object.status = {};
}

// The old generation, and one more when `changed`.
template <Kind T>
void MoveGeneration(T& object, const T& old, bool changed) {
  object.metadata.generation = old.metadata.generation + (changed ? 1 : 0);
}

// Keeps the status and moves the generation when the spec changed.
template <Kind T>
void PrepareUpdate(T& object, const T& old) {
  if constexpr (HasStatus<T>) object.status = old.status;
  MoveGeneration(object, old, !(object.spec == old.spec));
}

// Keeps the status of a kind whose generation the server never moves.
template <Kind T>
void KeepStatus(T& object, const T& old) {
  object.status = old.status;
}

// Keeps the spec: what the status endpoint does. Nearly always it is the same, and to find that out
// costs less than a copy.
template <Kind T>
void KeepSpec(T& object, const T& old) {
  if (!(object.spec == old.spec)) object.spec = old.spec;
  object.metadata.generation = old.metadata.generation;
}

// Keeps all metadata but the managed fields, the resource version and what the server itself set.
template <Kind T>
void KeepMetadata(T& object, const T& old) {
  object.metadata.labels = old.metadata.labels;
  object.metadata.annotations = old.metadata.annotations;
  object.metadata.finalizers = old.metadata.finalizers;
  object.metadata.owner_references = old.metadata.owner_references;
  object.metadata.deletion_timestamp = old.metadata.deletion_timestamp;
  object.metadata.self_link = old.metadata.self_link;
}

template <Kind T>
void KeepSpecAndMetadata(T& object, const T& old) {
  KeepSpec(object, old);
  KeepMetadata(object, old);
}

}  // namespace skiff
