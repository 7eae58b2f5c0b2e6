#include "runtime/admin.h"

namespace hostler::runtime {

core::Result<core::ClusterHealth> Admin::look(std::span<const std::string> topics, core::Millis /*timeout*/) {
  core::ClusterHealth out;
  out.asked = true;
  for (const auto& name : topics) {
    auto found = topic(name);
    if (!found) return found.error();
    core::TopicHealth health;
    health.name = name;
    if (*found) health.partitions = (*found)->partitions;
    out.topics.push_back(std::move(health));
  }
  auto id = cluster_id();
  if (!id) return id.error();
  out.id = std::move(*id);
  return out;
}

core::Result<std::vector<PartitionLook>> Admin::look_into(std::span<const LookAt> /*places*/, core::Millis /*timeout*/) {
  return core::Error{"this cluster does not tell what lies in its topics"};
}

}  // namespace hostler::runtime
