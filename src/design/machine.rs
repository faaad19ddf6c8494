//! Hours and cost of training on a machine. Accelerators and prices come from a dated table, which a spec can
//! override.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::settings::Machine;

/// The text of the table.
const TABLE: &str = include_str!("prices.toml");

/// Accelerators and their prices.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The month to which the prices apply.
    pub as_of: String,
    /// Source of the prices.
    pub source: String,
    /// The accelerators by name.
    pub devices: BTreeMap<String, Device>,
}

/// An accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Peak FLOP per second.
    pub peak: f64,
    /// Bytes of memory.
    pub memory: f64,
    /// Dollars per device and hour.
    pub price: f64,
    /// The share of the peak that training reaches (model FLOP utilisation).
    pub mfu: f64,
}

impl Prices {
    /// The built-in table; empty only if it cannot be parsed, which a test excludes.
    pub fn table() -> Self {
        let empty = Self { as_of: String::new(), source: String::new(), devices: BTreeMap::new() };
        toml::from_str(TABLE).unwrap_or(empty)
    }
}

/// A machine with all properties resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// FLOP per second of one accelerator during training.
    pub flop_per_second: f64,
    /// Number of accelerators per run.
    pub per_run: u32,
    /// Number of runs at a time.
    pub slots: u32,
    /// Dollars per accelerator hour, where known.
    pub price: Option<f64>,
    /// Bytes of memory of one accelerator, where known.
    pub memory: Option<f64>,
    /// Description of the machine and the source of its price.
    pub described: String,
}

/// Bytes per parameter in training: weights and gradients in 16 bits, weights and two moments of Adam in 32
/// (Rajbhandari et al. 2020, arXiv:1910.02054, section 3.1).
const BYTES_PER_PARAMETER: f64 = 16.0;
/// The part of memory that is available for these, next to activations.
const FOR_STATE: f64 = 0.8;

impl Rate {
    /// Resolves the machine of a spec.
    ///
    /// # Errors
    /// The key that is missing or unknown, and why.
    pub fn of(machine: &Machine) -> Result<Self, (&'static str, String)> {
        let table = Prices::table();
        let device = match &machine.device {
            None => None,
            Some(name) => match table.devices.get(name) {
                Some(device) => Some(*device),
                None if machine.peak.is_some() => None,
                None => {
                    let known: Vec<&str> = table.devices.keys().map(String::as_str).collect();
                    let near = crate::diagnostic::nearest(name, known.iter().copied());
                    let hint = near.map_or_else(|| known.join(", "), |near| format!("did you mean `{near}`?"));
                    return Err(("device", format!("the price table has no `{name}`: {hint}")));
                }
            },
        };
        let given = |own: Option<f64>, of: fn(&Device) -> f64| own.or_else(|| device.as_ref().map(of));
        let peak = given(machine.peak.map(|q| q.0), |d| d.peak)
            .ok_or(("device", "name a `device` of the price table, or give its `peak`".to_owned()))?;
        let mfu = given(machine.mfu.map(|q| q.0), |d| d.mfu)
            .ok_or(("mfu", "give `mfu`, the share of the peak that training reaches".to_owned()))?;
        if !(peak > 0.0 && peak.is_finite()) {
            return Err(("peak", "`peak` is in FLOP per second and above zero".to_owned()));
        }
        if !(mfu > 0.0 && mfu <= 1.0) {
            return Err(("mfu", format!("`mfu` is {mfu}; it is a share of the peak, above 0 and at most 1")));
        }
        let (count, slots) = (machine.count.unwrap_or(1), machine.slots.unwrap_or(1));
        if slots == 0 || count < slots {
            return Err(("slots", format!("{count} accelerators cannot be parted among {slots} runs at a time")));
        }
        let price = given(machine.price.map(|q| q.0), |d| d.price);
        if price.is_some_and(|price| !(price > 0.0 && price.is_finite())) {
            return Err(("price", "`price` is in dollars per accelerator and hour, above zero".to_owned()));
        }
        let memory = given(machine.memory.map(|q| q.0), |d| d.memory);
        if memory.is_some_and(|memory| !(memory > 0.0 && memory.is_finite())) {
            return Err(("memory", "`memory` is in bytes of one accelerator, above zero".to_owned()));
        }
        let origin = match (machine.price, price, device) {
            (Some(_), Some(price), _) => format!("${price} an hour as given"),
            (None, Some(price), Some(_)) => format!("${price} an hour in the table of {}", table.as_of),
            _ => "no price known".to_owned(),
        };
        let name = machine.device.as_deref().unwrap_or("accelerators");
        Ok(Self {
            flop_per_second: peak * mfu,
            per_run: count / slots,
            slots,
            price,
            memory,
            described: format!("{count} {name} in {slots} slots at {:.0} % of peak, {origin}", 100.0 * mfu),
        })
    }

    /// Accelerator hours for compute.
    pub fn gpu_hours(&self, flop: f64) -> f64 {
        flop / self.flop_per_second / 3600.0
    }

    /// Whether a model fits in the memory of one run's accelerators.
    pub fn holds(&self, size: f64) -> bool {
        self.memory.is_none_or(|memory| BYTES_PER_PARAMETER * size <= FOR_STATE * memory * f64::from(self.per_run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Quantity;

    #[test]
    fn the_price_table_can_be_read_and_is_dated() {
        let table = Prices::table();
        assert!(table.devices.len() > 5);
        assert!(table.as_of.starts_with("20"));
        assert!(table.devices.values().all(|d| d.peak > 1e13 && d.memory > 1e10 && d.price > 0.0 && d.mfu <= 1.0));
    }

    #[test]
    fn hours_follow_from_peak_and_utilisation() {
        let machine = Machine {
            device: Some("H100".to_owned()),
            count: Some(64),
            slots: Some(8),
            price: Some(Quantity(2.1)),
            mfu: Some(Quantity(0.4)),
            ..Machine::default()
        };
        let rate = Rate::of(&machine).unwrap();
        assert_eq!(rate.per_run, 8);
        // 989 TFLOP/s x 0.4 x 3600 s = 1.424e18 FLOP an hour.
        assert!((rate.gpu_hours(1.424_16e18) - 1.0).abs() < 1e-12);
        assert!(rate.holds(30e9) && !rate.holds(40e9));
    }

    #[test]
    fn an_unknown_device_is_reported_with_the_nearest_name() {
        let machine = Machine { device: Some("H10".to_owned()), ..Machine::default() };
        let (key, message) = Rate::of(&machine).unwrap_err();
        assert_eq!(key, "device");
        assert!(message.contains("did you mean `H100`?"), "{message}");
    }
}
