import { labelledDigits } from "../scripts/labelled-digits.mjs";

export default labelledDigits().test;
