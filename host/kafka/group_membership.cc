#include "kafka/group_membership.h"

#include <cstring>
#include <memory>
#include <string_view>

// In librdkafka 2.8; null in an older one that is found at run time.
extern "C" std::int32_t rd_kafka_consumer_group_metadata_generation_id(const rd_kafka_consumer_group_metadata_t*) __attribute__((weak));

namespace hostler::kafka {
namespace {

// Before, only the serialized form tells: this, then the generation, then the rest. Its format is librdkafka's own; versions that changed
// it have the function.
constexpr std::string_view magic = "CGMDv2:";

struct FreeMemory {
  void operator()(void* memory) const { rd_kafka_mem_free(nullptr, memory); }
};

std::int32_t written_generation(const rd_kafka_consumer_group_metadata_t* metadata) {
  void* raw = nullptr;
  std::size_t size = 0;
  if (const ErrorHandle error(rd_kafka_consumer_group_metadata_write(metadata, &raw, &size)); error) return -1;
  const std::unique_ptr<void, FreeMemory> written(raw);
  std::int32_t generation = -1;
  const auto* text = static_cast<const char*>(raw);
  if (size < magic.size() + sizeof(generation) || std::string_view(text, magic.size()) != magic) return -1;
  std::memcpy(&generation, text + magic.size(), sizeof(generation));
  return generation;
}

}  // namespace

std::int32_t generation_of(const rd_kafka_consumer_group_metadata_t* metadata) {
  const bool has_function = &rd_kafka_consumer_group_metadata_generation_id != nullptr;
  return has_function ? rd_kafka_consumer_group_metadata_generation_id(metadata) : written_generation(metadata);
}

core::Result<GroupMetadataHandle> group_membership(rd_kafka_t* consumer) {
  GroupMetadataHandle metadata(rd_kafka_consumer_group_metadata(consumer));
  if (metadata == nullptr) return core::Error{"the client is in no group"};
  if (generation_of(metadata.get()) < 0) return core::Error{"not a member of the group at present"};
  return metadata;
}

}  // namespace hostler::kafka
