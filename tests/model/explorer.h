// Explores every state a model can reach, breadth first, and asks of each: is it allowed, and can a good end still be reached from it?
// The answer to a wrong one is the shortest way there, in words. Knows nothing of Kafka or ledgers. One thread.
//
// A model has
//   using State       a struct of bytes without padding, compared and hashed as bytes
//   State initial() const
//   void steps(const State&, Steps<State>&) const      everything that can happen next; faults are named as such
//   std::string_view wrong(const State&) const          what must never be; empty: fine
//   bool good_end(const State&) const                   nothing left to do, and all is well; must be reachable without further faults
//   State canonical(const State&) const                 optional: one of all states that differ only by names
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hostler::model {

// The states one step away from a state. Words are made only while a trace is told.
template <class State>
class Steps {
 public:
  explicit Steps(bool telling = false) : telling_(telling) {}
  // `words`: called for a std::string that says what happens.
  template <class Words>
  void add(const State& next, Words&& words) {
    next_.push_back(next);
    faults_.push_back(0);
    if (telling_) words_.push_back(words());
  }
  // What the world does to us, and nobody may hope for.
  template <class Words>
  void fault(const State& next, Words&& words) {
    add(next, words);
    faults_.back() = 1;
  }
  void clear() {
    next_.clear();
    faults_.clear();
    words_.clear();
  }
  [[nodiscard]] const std::vector<State>& next() const { return next_; }
  [[nodiscard]] bool is_fault(std::size_t i) const { return faults_[i] != 0; }
  [[nodiscard]] const std::string& words(std::size_t i) const { return words_[i]; }

 private:
  const bool telling_;
  std::vector<State> next_;
  std::vector<std::uint8_t> faults_;
  std::vector<std::string> words_;
};

struct Exploration {
  std::size_t states = 0, transitions = 0;
  std::size_t longest = 0;         // steps on the longest of the shortest ways from the start
  std::string wrong;               // empty: every state is allowed and can end well
  std::vector<std::string> trace;  // the shortest way to what is wrong

  [[nodiscard]] std::string counts() const {
    return std::to_string(states) + " states, " + std::to_string(transitions) + " transitions, longest path " + std::to_string(longest);
  }
  // Counts, or what is wrong with the way there.
  [[nodiscard]] std::string report() const {
    std::string out = counts();
    if (wrong.empty()) return out;
    out += "\nwrong: " + wrong;
    for (std::size_t i = 0; i < trace.size(); ++i) out += "\n  " + std::to_string(i + 1) + ". " + trace[i];
    return out;
  }
};

// States by number, each once, with the number of the state it was first reached from.
template <class State>
class StateTable {
  static_assert(std::has_unique_object_representations_v<State>, "states are compared as bytes");

 public:
  // The state's number, and whether it is new.
  std::pair<std::uint32_t, bool> insert(const State& state, std::uint32_t from) {
    if ((states_.size() + 1) * 2 > slots_.size()) grow();
    for (std::size_t at = hash(state) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] == 0) {
        states_.push_back(state);
        from_.push_back(from);
        slots_[at] = static_cast<std::uint32_t>(states_.size());
        return {slots_[at] - 1, true};
      }
      if (std::memcmp(&states_[slots_[at] - 1], &state, sizeof state) == 0) return {slots_[at] - 1, false};
    }
  }
  [[nodiscard]] std::size_t size() const { return states_.size(); }
  [[nodiscard]] const State& operator[](std::size_t i) const { return states_[i]; }
  [[nodiscard]] std::uint32_t from(std::size_t i) const { return from_[i]; }

 private:
  static std::size_t hash(const State& state) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&state);
    std::uint64_t h = 0x9E37'79B9'7F4A'7C15ULL;
    for (std::size_t i = 0; i < sizeof state; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes + i, std::min<std::size_t>(8, sizeof state - i));
      h = (h ^ word) * 0xFF51'AFD7'ED55'8CCDULL;
      h ^= h >> 32;
    }
    return h;
  }
  void grow() {
    slots_.assign(std::max<std::size_t>(1024, slots_.size() * 2), 0);
    for (std::size_t i = 0; i < states_.size(); ++i) {
      std::size_t at = hash(states_[i]) & (slots_.size() - 1);
      while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = static_cast<std::uint32_t>(i + 1);
    }
  }
  std::vector<State> states_;
  std::vector<std::uint32_t> from_;
  std::vector<std::uint32_t> slots_;  // number + 1; 0: free
};

template <class Model>
class Explorer {
 public:
  using State = typename Model::State;
  explicit Explorer(const Model& model, std::size_t most_states = 4'000'000) : model_(model), most_(most_states) {}

  Exploration run() {
    Exploration out;
    insert(model_.initial(), 0, out);
    Steps<State> steps;
    std::size_t level_end = 1;  // states up to here are `longest` steps or fewer away
    for (std::size_t i = 0; i < table_.size() && out.wrong.empty(); ++i) {
      if (i == level_end) {
        ++out.longest;
        level_end = table_.size();
      }
      if (table_.size() > most_) {
        out.wrong = "more than " + std::to_string(most_) + " states: the bounds are too wide";
        break;
      }
      steps.clear();
      const State state = table_[i];  // the table grows below
      model_.steps(state, steps);
      first_edge_.push_back(edges_.size());
      for (std::size_t k = 0; k < steps.next().size() && out.wrong.empty(); ++k) {
        const std::uint32_t to = insert(steps.next()[k], static_cast<std::uint32_t>(i), out);
        edges_.push_back(steps.is_fault(k) ? to | fault_bit : to);
      }
    }
    if (out.wrong.empty()) look_for_dead_ends(out);
    out.states = table_.size();
    out.transitions = edges_.size();
    return out;
  }

 private:
  std::uint32_t insert(const State& state, std::uint32_t from, Exploration& out) {
    const auto [number, fresh] = table_.insert(canonical(state), from);
    if (!fresh) return number;
    if (const std::string_view wrong = model_.wrong(table_[number]); !wrong.empty()) {
      out.wrong = wrong;
      out.trace = trace(number);
    }
    return number;
  }

  // Walks backwards from the good ends over everything but faults; what is not met on the way can end well no more.
  void look_for_dead_ends(Exploration& out) {
    const std::size_t n = table_.size();
    first_edge_.push_back(edges_.size());
    std::vector<std::uint32_t> first(n + 1, 0), into(edges_.size());  // edges by their target
    for (const std::uint32_t to : edges_) {
      if ((to & fault_bit) == 0) ++first[to + 1];
    }
    for (std::size_t i = 0; i < n; ++i) first[i + 1] += first[i];
    std::vector<std::uint32_t> at(first.begin(), first.end() - 1);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t e = first_edge_[i]; e < first_edge_[i + 1]; ++e) {
        if ((edges_[e] & fault_bit) == 0) into[at[edges_[e]]++] = static_cast<std::uint32_t>(i);
      }
    }
    std::vector<std::uint8_t> ends_well(n, 0);
    std::vector<std::uint32_t> todo;
    for (std::size_t i = 0; i < n; ++i) {
      if (!model_.good_end(table_[i])) continue;
      ends_well[i] = 1;
      todo.push_back(static_cast<std::uint32_t>(i));
    }
    while (!todo.empty()) {
      const std::uint32_t to = todo.back();
      todo.pop_back();
      for (std::uint32_t e = first[to]; e < first[to + 1]; ++e) {
        if (std::exchange(ends_well[into[e]], 1) == 0) todo.push_back(into[e]);
      }
    }
    const auto dead_end = std::find(ends_well.begin(), ends_well.end(), 0);  // the first is one of the nearest
    if (dead_end == ends_well.end()) return;
    out.wrong = "no good end can be reached any more";
    out.trace = trace(static_cast<std::uint32_t>(dead_end - ends_well.begin()));
  }

  // Tells the way to a state. Walks anew from the start, so that names stay the same where canonical() exchanges them.
  std::vector<std::string> trace(std::uint32_t number) const {
    std::vector<std::uint32_t> path;
    for (; number != 0; number = table_.from(number)) path.push_back(number);
    std::vector<std::string> out;
    Steps<State> steps(true);
    State state = model_.initial();
    for (; !path.empty(); path.pop_back()) {
      steps.clear();
      model_.steps(state, steps);
      const auto& next = steps.next();
      const auto taken = std::find_if(next.begin(), next.end(), [&](const State& s) {
        const State c = canonical(s);
        return std::memcmp(&c, &table_[path.back()], sizeof c) == 0;
      });
      if (taken == next.end()) return out.emplace_back("(the model answers differently the second time)"), out;
      out.push_back(steps.words(static_cast<std::size_t>(taken - next.begin())));
      state = *taken;
    }
    return out;
  }

  [[nodiscard]] State canonical(const State& state) const {
    if constexpr (requires { model_.canonical(state); }) return model_.canonical(state);
    else return state;
  }

  static constexpr std::uint32_t fault_bit = 1U << 31;
  const Model& model_;
  const std::size_t most_;
  StateTable<State> table_;
  std::vector<std::uint32_t> edges_;       // targets, by source; with fault_bit
  std::vector<std::size_t> first_edge_;    // of each source
};

template <class Model>
Exploration explore(const Model& model, std::size_t most_states = 4'000'000) {
  return Explorer<Model>(model, most_states).run();
}

}  // namespace hostler::model
