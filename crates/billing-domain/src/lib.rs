//! Values, entities and rules of billing; pure
